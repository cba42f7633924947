"""Permission maps, acquisition, group roles, creation guards, update of role mappings."""

import pytest

from tests.workflows.building import machine, move, world_of
from workflows import Guard, PermissionSetting, PlainSubject, PlainWorld, State, Workflow

STRICT = PermissionSetting(False, ("Owner",))
NOBODY = PermissionSetting(False, ())
MORE = PermissionSetting(True, ("Owner",))


def mapped(*settings: PermissionSetting | None, workflow_id: str = "wf", variable: str = "review_state") -> Workflow:
    """States s0, s1 ... with these settings of `View`, each leading to the next by `go0`, `go1` ..."""
    states = {
        f"s{number}": State(f"s{number}", "", (f"go{number}",), {} if setting is None else {"View": setting})
        for number, setting in enumerate(settings)
    }
    moves = [move(f"go{number}", f"s{number + 1}") for number in range(len(settings) - 1)]
    return machine(workflow_id, states, moves, managed_permissions=("View",), state_variable=variable)


@pytest.mark.parametrize(
    ("setting", "stored", "roles"),
    [
        pytest.param(STRICT, STRICT, {"Owner"}, id="not acquired: exactly these"),
        pytest.param(NOBODY, NOBODY, set(), id="not acquired and empty: nobody, not even Manager"),
        pytest.param(MORE, MORE, {"Owner", "Reader"}, id="acquired: these and whoever has it on the container"),
        pytest.param(None, None, {"Reader"}, id="not mapped: all acquired"),
        pytest.param(PermissionSetting(True, ()), None, {"Reader"}, id="acquired without roles: nothing to set"),
    ],
)
def test_entering_a_state_sets_managed_permissions(
    setting: PermissionSetting | None, stored: PermissionSetting | None, roles: set[str]
) -> None:
    world = world_of(mapped(setting))
    folder = world.create("Folder", "f", entering=False)
    world.set_permission(folder, "View", ["Reader"])
    document = world.create("Document", "doc", folder)
    assert document.permissions.get("View") == stored
    assert world.roles_of_permission("View", document) == roles


def test_a_setting_of_the_former_state_is_removed_when_the_new_one_does_not_map_the_permission() -> None:
    world = world_of(mapped(STRICT, None))
    document = world.create("Document", "doc")
    document.permissions["Other"] = STRICT
    world.do_action(document, "go0")
    assert document.permissions == {"Other": STRICT}


def test_a_map_for_a_permission_that_is_not_managed_has_no_effect() -> None:
    world = world_of(
        machine(states={"a": State("a", permissions={"View": STRICT, "Edit": STRICT})}, managed_permissions=("Edit",))
    )
    document = world.create("Document", "doc")
    assert document.permissions == {"Edit": STRICT}


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("View", {"Anonymous", "Manager"}),
        ("Access contents information", {"Anonymous", "Manager"}),
        ("Declared", {"LabManager"}),
        ("Unheard of", {"Manager"}),
    ],
)
def test_roles_at_the_root(permission: str, roles: set[str]) -> None:
    world = world_of(permission_defaults={"Declared": ["LabManager"]})
    assert world.roles_of_permission(permission, world.site) == roles


def test_collecting_upwards_ends_at_the_first_level_that_does_not_acquire() -> None:
    world = world_of()
    top = world.create("Folder", "top")
    middle = world.create("Folder", "middle", top)
    leaf = world.create("Document", "leaf", middle)
    world.set_permission(top, "P", ["A"], acquire=True)
    world.set_permission(leaf, "P", ["C"], acquire=True)
    assert world.roles_of_permission("P", leaf) == {"A", "C", "Manager"}
    world.set_permission(middle, "P", ["B"])
    assert world.roles_of_permission("P", leaf) == {"B", "C"}
    world.set_permission(middle, "P", [], acquire=True)
    assert world.roles_of_permission("P", leaf) == {"A", "C", "Manager"}


@pytest.mark.parametrize(
    ("roles", "user", "user_roles", "holds"),
    [
        (["Anonymous"], None, (), True),
        (["Anonymous"], "ana", (), True),
        (["Authenticated"], "ana", (), True),
        (["Authenticated"], None, (), False),
        (["Owner"], "ana", ("Owner",), True),
        (["Owner"], "ana", ("Manager",), False),
        ([], "ana", ("Manager",), False),
    ],
)
def test_who_holds_a_permission(roles: list[str], user: str | None, user_roles: tuple[str, ...], holds: bool) -> None:
    world = world_of()
    document = world.create("Document", "doc")
    world.set_permission(document, "P", roles)
    with world.acting(user, user_roles):
        assert world.holds("P", document) is holds


def test_guards_see_the_present_permission_map() -> None:
    guard = Guard(permissions=("Publish",))
    states = {
        "a": State("a", "", ("go",), {"Publish": PermissionSetting(False, ("Reviewer",))}),
        "b": State("b", "", ("go",), {"Publish": PermissionSetting(False, ())}),
    }
    world = world_of(
        machine(states=states, transitions=[move("go", "b", guard=guard)], managed_permissions=("Publish",))
    )
    document = world.create("Document", "doc")
    with world.acting("ana", ["Reviewer"]):
        world.do_action(document, "go")
        assert not world.supports(document, "go")


def two_managers() -> tuple[PlainWorld, PlainSubject]:
    first = mapped(STRICT, NOBODY, workflow_id="first")
    second = mapped(MORE, NOBODY, workflow_id="second", variable="other_state")
    world = world_of(first, second)
    return world, world.create("Document", "doc")


def test_of_two_workflows_that_manage_a_permission_the_last_of_the_chain_wins_on_creation() -> None:
    _, document = two_managers()
    assert document.permissions["View"] == MORE


def test_on_a_transition_only_the_acting_workflow_applies_its_map() -> None:
    world, document = two_managers()
    world.do_action(document, "go0")
    assert (world.state(document, "first"), world.state(document, "second")) == ("s1", "s0")
    assert document.permissions["View"] == NOBODY


def test_update_of_role_mappings_applies_the_chain_in_order_and_counts_changes() -> None:
    world, document = two_managers()
    world.do_action(document, "go0")
    untouched = world.create("Document", "doc2")
    assert world.update_role_mappings() == 1
    assert document.permissions["View"] == MORE
    assert world.update_role_mappings([document, untouched]) == 0


def test_a_changed_definition_touches_objects_only_when_mappings_are_updated() -> None:
    world = world_of(mapped(STRICT))
    document = world.create("Document", "doc")
    world.workflows["wf"] = mapped(NOBODY)
    assert document.permissions["View"] == STRICT
    assert world.update_role_mappings() == 1
    assert document.permissions["View"] == NOBODY


def test_update_leaves_an_object_in_an_undefined_state_alone() -> None:
    world = world_of(mapped(STRICT))
    document = world.create("Document", "doc")
    document.histories["wf"][-1]["review_state"] = "gone"
    document.permissions.clear()
    assert world.update_role_mappings() == 0


@pytest.mark.parametrize(
    ("managed_roles", "before", "mapped_roles", "after"),
    [
        pytest.param(None, None, ("Reader",), ["Reader"], id="granted"),
        pytest.param(None, ["Editor"], ("Reader",), ["Reader"], id="a managed role that is not mapped is taken away"),
        pytest.param(None, ["Editor"], (), None, id="a managed group without mapping loses all managed roles"),
        pytest.param(None, None, (), None, id="without role and grant: left alone"),
        pytest.param(("Reader",), ["Editor"], ("Reader",), ["Editor", "Reader"], id="a role not managed stays"),
        pytest.param(("Reader",), None, ("Editor",), None, id="a role not managed is not granted"),
        pytest.param(None, ["Alien"], ("Reader",), ["Alien", "Reader"], id="a role not valid at the site stays"),
        pytest.param(None, ["Reader"], ("Reader",), ["Reader"], id="kept"),
    ],
)
def test_group_roles(
    managed_roles: tuple[str, ...] | None,
    before: list[str] | None,
    mapped_roles: tuple[str, ...],
    after: list[str] | None,
) -> None:
    state = State("a", "", (), group_roles={"staff": mapped_roles} if mapped_roles else {})
    workflow = machine(states={"a": state}, managed_groups=("staff",), group_managed_roles=managed_roles)
    world = world_of(workflow, site_roles=["Reader", "Editor"])
    document = world.create("Document", "doc", entering=False)
    document.local_roles["ana"] = ["Owner"]
    document.local_roles["guests"] = ["Reader"]
    if before is not None:
        document.local_roles["staff"] = before
    world.enter(document)
    expected = {"ana": ["Owner"], "guests": ["Reader"]} | ({} if after is None else {"staff": after})
    assert document.local_roles == expected


def test_a_map_for_a_group_that_is_not_managed_has_no_effect() -> None:
    world = world_of(machine(states={"a": State("a", group_roles={"staff": ("Reader",)})}))
    assert world.create("Document", "doc").local_roles == {}


@pytest.mark.parametrize(("as_zope", "roles"), [(False, {"Owner", "Manager"}), (True, {"Owner"})])
def test_as_zope_an_undeclared_permission_that_is_granted_is_not_managers_at_the_root(
    as_zope: bool, roles: set[str]
) -> None:
    world = world_of(as_zope=as_zope, permission_defaults={"Declared": ["Manager"]})
    document = world.create("Document", "doc")
    for permission in ("Declared", "Undeclared"):
        world.set_permission(document, permission, ["Owner"], acquire=True)
    assert world.roles_of_permission("Undeclared", document) == roles
    assert world.roles_of_permission("Declared", document) == {"Owner", "Manager"}
    assert world.roles_of_permission("Unheard of", document) == {"Manager"}


@pytest.mark.parametrize("as_zope", [False, True])
def test_as_zope_a_map_to_manager_that_acquires_writes_nothing_where_nothing_is_set(as_zope: bool) -> None:
    acquired = PermissionSetting(True, ("Manager",))
    world = world_of(mapped(acquired, STRICT, acquired), as_zope=as_zope)
    document = world.create("Document", "doc")
    assert document.permissions == ({} if as_zope else {"View": acquired})
    world.do_action(document, "go0")
    world.do_action(document, "go1")
    assert document.permissions == {"View": acquired}


def test_creation_guards_of_every_workflow_of_the_chain_are_asked_of_the_container() -> None:
    open_to_all = machine("open", {"a": ""})
    guarded = machine("guarded", {"a": ""}, creation_guard=Guard(roles=("Owner",)), state_variable="s")
    world = world_of(open_to_all, guarded, chains={"File": ["open"]})
    folder = world.create("File", "f")
    world.grant(folder, "ana", ["Owner"])
    with world.acting("ana"):
        assert world.may_create("Document", folder)
        assert not world.may_create("Document")
        assert world.may_create("File")
