"""The declarations load, hold everything that is known of the classic laboratory, and keep the rules made for it."""

from typing import Any

import pytest

from objapi.model.registry import Registry
from objapi.model.types import IdKind, Kind
from objapi.profiles.lims.behaviors import PARTS

NOT_FIELDS = {("AnalysisRequest", "Analyses")}
"""Written by create's parameter Services and answered whole, so no field."""
INTRINSIC = {"id"}

RESULTS_OF = ("Analysis", "DuplicateAnalysis", "ReferenceAnalysis")
RESULT_FIELDS = ("Result", "ResultDM", "InterimFields", "DetectionLimitOperand", "Uncertainty")
ENTERED_FIELDS = (*RESULT_FIELDS, "Analyst", "Instrument", "Method", "Remarks", "Attachment")


def types_of(facts: Any) -> dict[str, Any]:
    known: dict[str, Any] = facts("types.yaml")["types"]
    return known


def test_every_type_is_declared(registry: Registry, facts: Any) -> None:
    assert set(types_of(facts)) == set(registry.types)


def test_every_field_of_every_type_is_declared(registry: Registry, facts: Any) -> None:
    known = types_of(facts)
    missing = []
    for name, item in known.items():
        fields = [*item["fields"], *(known[item["same_fields_as"]]["fields"] if "same_fields_as" in item else [])]
        for field in fields:
            if field not in registry.types[name].fields and (name, field) not in NOT_FIELDS:
                missing.append(f"{name}.{field}")
    assert missing == []


def test_every_type_has_the_base_fields(registry: Registry, facts: Any) -> None:
    wanted = set(facts("types.yaml")["base_fields"]) - INTRINSIC
    assert {name: wanted - set(item.fields) for name, item in registry.types.items() if wanted - set(item.fields)} == {}


def test_types_lie_in_their_containers_chains_and_catalogs(registry: Registry, facts: Any) -> None:
    for name, item in types_of(facts).items():
        declared = registry.types[name]
        assert declared.containers == set(item["parents"]), name
        assert list(declared.workflows) == item["workflows"], name
        assert list(declared.catalogs) == [*item["catalogs"], "uid_catalog"], name
        assert declared.add_permission == item.get("add_permission", "Add portal content"), name


@pytest.mark.parametrize("key", ["subfields", "targets"])
def test_records_and_references_lose_nothing(registry: Registry, facts: Any, key: str) -> None:
    for name, item in types_of(facts).items():
        for field, known in item.get(key, {}).items():
            declared = registry.types[name].fields.get(field)
            if declared is not None and declared.kind is not Kind.COMPUTED:
                assert set(known) <= set(getattr(declared, key)), f"{name}.{field}"


def test_every_catalog_has_every_index(registry: Registry, facts: Any) -> None:
    known = facts("catalogs.yaml")["catalogs"]
    for name, item in known.items():
        stored = registry.catalogs.get(name) or registry.catalogs[registry.aliases[name].catalog]
        missing = set(item["indexes"]) - set(stored.schema.indexes)
        assert missing == set(), name


def test_every_index_is_filled_or_hidden(registry: Registry) -> None:
    for catalog in registry.catalogs.values():
        assert set(catalog.schema.indexes) - set(catalog.sources) == set(catalog.hidden), catalog.name


def test_types_lie_in_the_catalogs_that_list_them(registry: Registry, facts: Any) -> None:
    for name, item in facts("catalogs.yaml")["catalogs"].items():
        if name in registry.catalogs and item["types"] != "all":
            assert frozenset(item["types"]) & frozenset(registry.types) == registry.catalogs[name].schema.types, name


def test_later_names_of_catalogs_are_aliases(registry: Registry, facts: Any) -> None:
    assert set(facts("catalogs.yaml")["aliases"]) == set(registry.aliases)
    assert registry.aliases["bika_catalog_analysisrequest_listing"].types == frozenset({"AnalysisRequest"})


def test_databases_can_hold_the_catalogs(registry: Registry) -> None:
    for catalog in registry.catalogs.values():
        assert catalog.schema.problems() == [], catalog.name


SWITCHED_ON = {"rejected"}
"""States that a site reaches by steps which its settings switch on."""


def test_steps_to_states_that_are_not_known_are_switched_on(registry: Registry, facts: Any) -> None:
    for name, item in facts("workflows.yaml").items():
        added = set(registry.workflows[name].transitions) - set(item["transitions"]) - {"send_back"}
        assert all(registry.workflows[name].transitions[step].offered_if for step in added), (name, added)


def test_every_workflow_has_its_states_transitions_and_permissions(registry: Registry, facts: Any) -> None:
    for name, item in facts("workflows.yaml").items():
        workflow = registry.workflows[name]
        assert workflow.state_variable == item["state_variable"]
        assert workflow.initial_state == item["initial_state"]
        assert set(workflow.states) - set(item["states"]) <= SWITCHED_ON, name
        assert set(item["states"]) <= set(workflow.states), name
        for key, state in item["states"].items():
            assert list(workflow.states[key].exits)[: len(state["exits"])] == state["exits"], (name, key)
            assert set(workflow.states[key].permissions) == set(state["permissions"]), (name, key)
        for key, transition in item["transitions"].items():
            assert workflow.transitions[key].new_state == transition["target"], (name, key)
            assert workflow.transitions[key].automatic == (transition["trigger"] == "automatic"), (name, key)


ADDED_ROLES = {
    ("to_be_verified", "BIKA: Retract"): {"Verifier"},
    # A client sees the batches that it makes.
    ("open", "View"): {"Owner", "Client"},
    ("closed", "View"): {"Owner", "Client"},
    ("open", "Modify portal content"): {"Owner"},
}


def test_state_maps_are_those_known_but_for_retraction_by_verifiers_and_batches_of_clients(
    registry: Registry, facts: Any
) -> None:
    for name, item in facts("workflows.yaml").items():
        for key, state in item["states"].items():
            for permission, known in state["permissions"].items():
                declared = registry.workflows[name].states[key].permissions[permission]
                added = set(declared.roles) - set(known["roles"])
                assert declared.acquire == known["acquire"], (name, key, permission)
                assert set(known["roles"]) <= set(declared.roles), (name, key, permission)
                assert added <= ADDED_ROLES.get((key, permission), set()), (name, key, permission)


def test_nobody_takes_a_step_without_a_permission(registry: Registry) -> None:
    """An empty guard would let everybody who can reach an object move it."""
    open_to_all = [
        f"{workflow.id}.{transition.id}"
        for workflow in registry.workflows.values()
        for transition in workflow.transitions.values()
        if not transition.automatic and not transition.guard.permissions
    ]
    assert open_to_all == []


def test_every_permission_that_is_asked_for_is_mapped(registry: Registry) -> None:
    asked = {field.write_permission for item in registry.types.values() for field in item.fields.values()}
    asked |= {field.read_permission for item in registry.types.values() for field in item.fields.values()}
    asked |= {item.add_permission for item in registry.types.values()}
    for workflow in registry.workflows.values():
        asked |= {permission for item in workflow.transitions.values() for permission in item.guard.permissions}
    assert asked - {None} - set(registry.roles.permissions) == set()


def test_every_log_in_may_call_and_clients_count_within_their_scope(registry: Registry) -> None:
    assert registry.roles.permissions["BIKA: Access JSON API"].roles == ("Authenticated",)
    assert registry.roles.scoped_roles == {"Client"}
    assert {"Client", "Member"}.isdisjoint(registry.roles.staff_roles)
    assert [item.portal_type for item in registry.types.values() if item.scope] == ["Client"]


@pytest.mark.parametrize("portal_type", RESULTS_OF)
def test_results_are_entered_and_seen_with_their_own_permissions(registry: Registry, portal_type: str) -> None:
    fields = registry.types[portal_type].fields
    for name in ENTERED_FIELDS:
        if name in fields:
            assert fields[name].write_permission == "BIKA: Edit Results", name
    for name in RESULT_FIELDS:
        if name in fields:
            assert fields[name].read_permission == "BIKA: View Results", name


def test_field_measurements_are_entered_with_the_permission_for_them(registry: Registry) -> None:
    by = registry.types["Analysis"].fields["Result"].write_permission_by
    assert by == ("PointOfCapture", {"field": "BIKA: Edit Field Results"})


@pytest.mark.parametrize("portal_type", ["Sample", "SamplePartition", "AnalysisRequest", "Analysis"])
def test_what_was_received_is_never_removed(registry: Registry, portal_type: str) -> None:
    kept = registry.types[portal_type].keep_after["review_state"]
    assert "sample_due" in kept
    assert {"sample_received", "to_be_verified", "verified", "published"}.isdisjoint(kept)


def test_values_of_the_sample_are_stored_on_it(registry: Registry, facts: Any) -> None:
    noted = set(facts("types.yaml")["fields_stored_on_the_sample"])
    fields = registry.types["AnalysisRequest"].fields
    assert {name for name, field in fields.items() if field.stored_on == "Sample"} == noted
    assert all(name in registry.types["Sample"].fields for name in noted)


@pytest.mark.parametrize(
    ("portal_type", "form", "kind"),
    [
        ("Sample", "{SampleType.Prefix}{yy}-{n}", IdKind.SEQUENCE),
        ("SamplePartition", "{parent.id}-P{n}", IdKind.SEQUENCE),
        ("AnalysisRequest", "{Sample.id}-R{n}", IdKind.SEQUENCE),
        ("Analysis", "{Service.Keyword}", IdKind.VALUE),
        ("Client", "client-{n}", IdKind.SEQUENCE),
        ("Worksheet", "WS-{n}", IdKind.SEQUENCE),
    ],
)
def test_ids_follow_the_rules_of_the_laboratory(registry: Registry, portal_type: str, form: str, kind: IdKind) -> None:
    assert registry.types[portal_type].id_rule.form == form
    assert registry.types[portal_type].id_rule.kind is kind


def test_no_two_modules_name_a_behaviour_alike() -> None:
    tables = ("computed", "effects", "checks", "relations", "creators", "conditions", "defaults")
    for table in tables:
        names = [name for part in PARTS for name in getattr(part, table)]
        assert len(names) == len(set(names)), table


def test_the_first_objects_of_a_site_are_those_known(registry: Registry, facts: Any) -> None:
    wanted = [(item["path"], item["portal_type"]) for item in facts("types.yaml")["site_layout"]]
    assert [(item["path"], item["portal_type"]) for item in registry.layout] == wanted


def test_roles_groups_and_root_permissions_are_those_known(registry: Registry, facts: Any) -> None:
    known = facts("roles.yaml")
    assert set(known["roles"]) == set(registry.roles.roles)
    assert {group: tuple(roles) for group, roles in known["groups"].items()} == {
        group.id: group.roles for group in registry.roles.groups.values()
    }
    for path, maps in known["permission_maps"].items():
        written = registry.roles.permissions if path == "/" else registry.roles.by_path[path]
        for permission, item in maps.items():
            if permission != "BIKA: Access JSON API":
                assert written[permission].roles == tuple(item["roles"]), (path, permission)
                assert written[permission].acquire == item["acquire"], (path, permission)
