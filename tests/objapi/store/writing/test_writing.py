"""Creating, updating and removing: what is refused, what is written, and that it is all or nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import delete

from objapi.errors import (
    AmbiguousReference,
    ApiError,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ReferenceInUse,
    TooLarge,
    UnresolvedReference,
    UnusedFields,
    ValidationError,
)
from objapi.store.permissions.acls import VIEW
from objapi.store.requests import BatchFailed, ByCriteria, ByPath, ByUid, CreateItem, Plan, UpdateItem
from objapi.store.schema import sequences
from objapi.store.writing import apply_plan
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import DELETE
from objapi.store.writing.planner import StorePlanner
from tests.objapi.store.workshop import Gateway


def thing(gateway: Gateway, team: str, person: str, title: str = "Chair", **values: object) -> str:
    return gateway.create("mia", "Thing", team, title=title, Maker=person, **values).path


# create


def test_create_answers_id_uid_and_path(workshop: Gateway, team: str, person: str) -> None:
    made = workshop.create("mia", "Thing", team, title="Chair", Maker=person)
    assert (made.path, made.version, made.states) == (f"{team}/{made.id}", 1, {"review_state": "open"})
    read = workshop.read("mia", made.path)
    assert (read["UID"], read["id"], read["title"], read["version"]) == (made.uid, made.id, "Chair", 1)


def test_every_missing_field_is_named(workshop: Gateway, team: str) -> None:
    with pytest.raises(ValidationError) as refused:
        workshop.create("mia", "Thing", team, title="")
    assert {cause.name for cause in refused.value.causes} == {"title", "Maker"}
    assert "Required field not found in request" in refused.value.message


def test_a_parameter_that_is_no_field_creates_nothing(workshop: Gateway, team: str, person: str) -> None:
    before = workshop.dump()
    with pytest.raises(UnusedFields, match="Wheel"):
        workshop.create("mia", "Thing", team, title="Cart", Maker=person, Wheel=4)
    assert workshop.dump() == before


@pytest.mark.parametrize(
    ("portal_type", "container", "error"),
    [
        ("Wheel", "/", BadRequest),
        ("Thing", "/nowhere", NotFound),
        ("Thing", "/", BadRequest),
        ("Thing", "/../settings", BadRequest),
        ("Thing", None, BadRequest),
    ],
)
def test_container_and_type_must_fit(
    workshop: Gateway, person: str, portal_type: str, container: str | None, error: type[ApiError]
) -> None:
    with pytest.raises(error):
        workshop.create("boss", portal_type, container, title="x", Maker=person)


def test_an_id_that_is_asked_for_is_given_and_counted(workshop: Gateway, team: str, person: str) -> None:
    first = workshop.create("mia", "Thing", team, title="A", Maker=person)
    number = int(first.id.rpartition("-")[2])
    asked = workshop.create("mia", "Thing", team, id=f"thing-{number + 40}", title="B", Maker=person)
    following = workshop.create("mia", "Thing", team, title="C", Maker=person)
    assert asked.id == f"thing-{number + 40}"
    assert following.id == f"thing-{number + 41}"


def test_an_id_that_is_taken_is_a_conflict(workshop: Gateway, team: str, person: str) -> None:
    workshop.create("mia", "Thing", team, id="own", title="A", Maker=person)
    with pytest.raises(Conflict, match="own"):
        workshop.create("mia", "Thing", team, id="own", title="B", Maker=person)
    items = [CreateItem("Thing", ByPath(team), {"title": title, "Maker": person}, "two") for title in "CD"]
    with pytest.raises(BatchFailed) as refused:
        workshop.create_all("mia", items)
    assert isinstance(refused.value.outcome.entries[1].error, Conflict)


@pytest.mark.parametrize("bad", ["-a", ".a", "a b", "a/b", "ä", "a\n", "x" * 129])
def test_an_id_that_is_none_is_refused(workshop: Gateway, team: str, person: str, bad: str) -> None:
    with pytest.raises(ValidationError):
        workshop.create("mia", "Thing", team, id=bad, title="A", Maker=person)


def test_paths_have_an_end(workshop: Gateway, team: str) -> None:
    path = team
    while path.count("/") < 20:
        path = workshop.create("mia", "Box", path, title="in").path
    with pytest.raises(ValidationError, match="20 levels"):
        workshop.create("mia", "Box", path, title="in")


def test_a_number_that_no_index_holds_is_stored_all_the_same(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, Count=2**63 - 1)
    part = workshop.create("mia", "Part", path, Kind="planet", Grams=2**63 - 1).path
    workshop.create("mia", "Part", path, Kind="planet", Grams=2**63 - 1)
    assert workshop.read("mia", path)["Weight"] == 2 * (2**63 - 1)
    assert workshop.total("mia", {"path": part}) == 1


def test_ids_are_never_given_again(workshop: Gateway, team: str, person: str) -> None:
    first = workshop.create("mia", "Thing", team, title="A", Maker=person)
    workshop.remove("mia", first.uid)
    second = workshop.create("mia", "Thing", team, title="A", Maker=person)
    assert int(second.id.rpartition("-")[2]) == int(first.id.rpartition("-")[2]) + 1


def test_numbers_go_on_from_the_ids_in_use_where_there_is_no_counter(workshop: Gateway, team: str, person: str) -> None:
    things = [workshop.create("mia", "Thing", team, title=title, Maker=person) for title in ("A", "B")]
    for entry in (things[0], things[0], things[1]):
        workshop.create("mia", "Part", entry.path, Kind="leg")
    workshop.site.transact(lambda connection: connection.execute(delete(sequences)), write=True)
    following = workshop.create("mia", "Thing", team, title="C", Maker=person)
    assert int(following.id.rpartition("-")[2]) == int(things[1].id.rpartition("-")[2]) + 1
    items = [CreateItem("Part", ByPath(entry.path), {"Kind": "seat"}) for entry in (*things, following)]
    numbers = [entry.id.rpartition("-")[2] for entry in workshop.create_all("mia", items).entries]
    assert numbers == ["P03", "P02", "P01"]


def test_ids_of_a_prefix_of_their_own_count_from_one(workshop: Gateway, team: str, person: str) -> None:
    one = thing(workshop, team, person)
    ids = [workshop.create("mia", "Part", one, Kind=kind).id for kind in ("leg", "leg", "seat")]
    own = one.rpartition("/")[2]
    assert ids == [f"{own}-P01", f"{own}-P02", f"{own}-P03"]


def test_ids_from_titles_are_kept_apart(workshop: Gateway, team: str) -> None:
    items = [CreateItem("Box", ByPath(team), {"title": "Blue Box"}) for _ in range(3)]
    assert [entry.id for entry in workshop.create_all("mia", items).entries] == ["blue-box", "blue-box-1", "blue-box-2"]
    assert workshop.create("mia", "Box", team, title="Blue box").id == "blue-box-3"


def test_a_required_title_is_unique_among_siblings(workshop: Gateway, team: str, person: str) -> None:
    thing(workshop, team, person, "Chair")
    with pytest.raises(ValidationError, match="Chair"):
        thing(workshop, team, person, "Chair")
    other = workshop.create("boss", "Team", "/", title=f"Other than {team}").path
    assert thing(workshop, other, person, "Chair")
    long = "long " * 60
    thing(workshop, team, person, f"{long}a")
    assert thing(workshop, team, person, f"{long}b")
    with pytest.raises(ValidationError):
        workshop.update("mia", thing(workshop, team, person, "Stool"), title="Chair")


def test_who_may_not_see_a_sibling_is_not_told_which_has_the_title(workshop: Gateway, team: str) -> None:
    maker = workshop.create("boss", "Person", "/", title=f"Mai {team}")
    hidden = thing(workshop, team, maker.uid, "Chair")
    workshop.act("mia", "hide", hidden)
    for path in (team, maker.path):
        workshop.grant_local_roles(path, "anna", ["Owner"])
    own_id = hidden.rpartition("/")[2]
    for user, told in (("mia", f"taken in {team} by {own_id}; choose"), ("anna", f"taken in {team}; choose")):
        with pytest.raises(ValidationError, match=told):
            workshop.create(user, "Thing", team, title="Chair", Maker=maker.uid)


def test_titles_change_hands_in_one_request(workshop: Gateway, team: str, person: str) -> None:
    paths = [thing(workshop, team, person, title) for title in "ABC"]
    turned = [UpdateItem(ByPath(path), {"title": title}) for path, title in zip(paths, "BCA", strict=True)]
    workshop.update_all("mia", turned)
    assert [workshop.read("mia", path)["title"] for path in paths] == ["B", "C", "A"]
    handed_on = [UpdateItem(ByPath(paths[0]), {"title": "C"}), UpdateItem(ByPath(paths[1]), {"title": "D"})]
    workshop.update_all("mia", handed_on)
    with pytest.raises(BatchFailed):
        workshop.update_all("mia", [UpdateItem(ByPath(path), {"title": "E"}) for path in paths])
    assert [workshop.read("mia", path)["title"] for path in paths] == ["C", "D", "A"]


def test_titles_may_be_shared_where_that_is_declared(workshop: Gateway) -> None:
    twins = [workshop.create("boss", "Person", "/", title="Twin").id for _ in range(2)]
    assert twins[0] != twins[1]


def test_titles_of_one_request_are_compared_too(workshop: Gateway, team: str, person: str) -> None:
    items = [CreateItem("Thing", ByPath(team), {"title": "Same", "Maker": person}) for _ in range(2)]
    with pytest.raises(BatchFailed) as refused:
        workshop.create_all("mia", items)
    assert [entry.error is None for entry in refused.value.outcome.entries] == [True, False]


def test_adding_needs_the_permission_of_the_type(workshop: Gateway, team: str, person: str) -> None:
    with pytest.raises(Forbidden, match="Add thing"):
        workshop.create("anna", "Thing", team, title="A", Maker=person)


# update


def test_update_says_what_it_set_and_raises_the_version(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    changed = workshop.update("mia", path, Count=3, description="new")
    assert (set(changed.updated), changed.version) == ({"Count", "description"}, 2)
    read = workshop.read("mia", path)
    assert (read["Count"], read["version"]) == (3, 2)


def test_an_empty_value_clears_unless_it_is_required(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, Count=3, Owner=person)
    workshop.update("mia", path, Count="", Owner="")
    read = workshop.read("mia", path)
    assert (read["Count"], read["Owner"], read["Owner_uid"], read["OwnerName"]) == (None, None, None, "")
    with pytest.raises(ValidationError, match="required"):
        workshop.update("mia", path, Maker="")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({}, BadRequest),
        ({"Wheel": 1, "Count": 2}, UnusedFields),
        ({"Weight": 1}, ValidationError),
        ({"Count": "many", "description": "x"}, ValidationError),
        ({"Secret": "x"}, Forbidden),
    ],
)
def test_what_cannot_be_written_changes_nothing(
    workshop: Gateway, team: str, person: str, values: dict[str, object], error: type[ApiError]
) -> None:
    path = thing(workshop, team, person)
    before = workshop.dump()
    with pytest.raises(error):
        workshop.update("mia", path, **values)
    assert workshop.dump() == before


def test_a_value_that_is_there_already_changes_nothing(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, Count=3)
    before = workshop.dump()
    assert workshop.update("mia", path, Count="3").version == 1
    assert workshop.dump() == before


def test_a_version_that_is_out_of_date_is_a_conflict(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    assert workshop.update("mia", path, version=1, Count=1).version == 2
    with pytest.raises(Conflict, match="version 2"):
        workshop.update("mia", path, version=1, Count=2)
    assert workshop.read("mia", path)["Count"] == 1


def test_what_only_follows_leaves_the_version(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, Owner=person)
    workshop.update("boss", workshop.run("boss", lambda tx: tx.entity(ByUid(person)).path), title=f"Renamed for {team}")
    read = workshop.read("mia", path)
    assert (read["OwnerName"], read["version"]) == (f"Renamed for {team}", 1)


def test_update_by_type_and_criteria_finds_exactly_one(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, "By id")
    own_id = path.rpartition("/")[2]
    item = UpdateItem(ByCriteria("Thing", {"id": own_id}), {"Count": 9})
    assert workshop.update_all("mia", [item]).entries[0].path == path
    for title in ("First", "Second"):
        thing(workshop, team, person, title, Count=777)
    with pytest.raises(AmbiguousReference):
        workshop.update_all("mia", [UpdateItem(ByCriteria("Thing", {"Count": 777}), {"Count": 1})])
    with pytest.raises(NotFound):
        workshop.update_all("mia", [UpdateItem(ByCriteria("Thing", {"id": "no-such"}), {"Count": 1})])


def _mixed(workshop: Gateway, team: str, person: str) -> tuple[list[str], list[UpdateItem]]:
    paths = [thing(workshop, team, person, title) for title in ("A", "B", "C")]
    values: list[dict[str, object]] = [{"Count": 1}, {"Count": "x"}, {"Count": 3}]
    items = [UpdateItem(ByPath(path), value) for path, value in zip(paths, values, strict=True)]
    return paths, [*items, UpdateItem(ByPath(f"{team}/none"), {"Count": 4})]


def test_many_updates_are_done_all_or_not_at_all(workshop: Gateway, team: str, person: str) -> None:
    _, items = _mixed(workshop, team, person)
    before = workshop.dump()
    with pytest.raises(BatchFailed) as refused:
        workshop.update_all("mia", items)
    assert [type(entry.error) for entry in refused.value.outcome.entries] == [
        type(None),
        ValidationError,
        type(None),
        NotFound,
    ]
    assert workshop.dump() == before


def test_a_partial_update_does_the_good_ones(workshop: Gateway, team: str, person: str) -> None:
    paths, items = _mixed(workshop, team, person)
    outcome = workshop.update_all("mia", items, partial=True)
    assert [entry.error is None for entry in outcome.entries] == [True, False, True, False]
    assert [workshop.read("mia", path)["Count"] for path in paths] == [1, None, 3]


def test_an_object_is_named_once(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    items = [UpdateItem(ByPath(path), {"Count": 1}), UpdateItem(ByUid(workshop.uid(path)), {"Count": 2})]
    with pytest.raises(BatchFailed, match="twice"):
        workshop.update_all("mia", items)


# all or nothing, and dry runs


@pytest.mark.parametrize(
    "step", ["_update", "insert_rows", "_write_references", "write_blobs", "_write_catalogs", "history_rows"]
)
def test_a_failure_while_writing_leaves_nothing(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = thing(workshop, team, person)
    before = workshop.dump()

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(apply_plan, step, fail)
    with pytest.raises(RuntimeError, match="fire"):
        workshop.create("mia", "Part", path, Kind="leg", Grams=5)
    monkeypatch.undo()
    assert workshop.dump() == before


def _operations(team: str, path: str, person: str) -> dict[str, Callable[[Gateway, bool], object]]:
    part = CreateItem("Part", ByPath(path), {"Kind": "leg", "Grams": 7})
    return {
        "create": lambda gateway, dry: gateway.create_all("mia", [part, part], dry_run=dry),
        "update": lambda gateway, dry: gateway.update_all(
            "mia", [UpdateItem(ByPath(path), {"Owner": person, "Count": 5})], dry_run=dry
        ),
        "transition": lambda gateway, dry: gateway.act("mia", "hide", path, comment="secret", dry_run=dry),
        "cascade": lambda gateway, dry: gateway.act("mia", "do", f"{path}/{path.rpartition('/')[2]}-P01", dry_run=dry),
        "remove": lambda gateway, dry: gateway.remove("mia", gateway.uid(path), dry_run=dry),
    }


@pytest.mark.parametrize("name", ["create", "update", "transition", "cascade", "remove"])
def test_a_dry_run_changes_nothing_and_tells_the_plan(workshop: Gateway, team: str, person: str, name: str) -> None:
    path = thing(workshop, team, person)
    workshop.create("mia", "Part", path, Kind="seat")
    operation = _operations(team, path, person)[name]
    before = workshop.dump()
    planned = operation(workshop, True)
    assert workshop.dump() == before
    done = operation(workshop, False)
    assert (planned.applied, done.applied) == (False, True)
    assert _shape(planned) == _shape(done)
    assert workshop.dump() != before


def test_an_outcome_without_its_plan_has_none(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    for count, dry_run in ((2, True), (2, False), (3, False)):
        outcome = workshop.update_all(
            "mia", [UpdateItem(ByPath(path), {"Count": count})], dry_run=dry_run, with_plan=False
        )
        assert (outcome.plan == Plan()) is not dry_run
        assert outcome.applied is not dry_run
    assert workshop.read("mia", path)["Count"] == 3


def _shape(outcome: object) -> object:
    """A plan without the UIDs of what it would create, which are new each time, and what a dry run alone names."""
    plan = outcome.plan
    fields = [[(item.field, item.old, item.new) for item in change.fields] for change in plan.changes]
    return plan.reindexed, [
        (change.event, change.path, change.portal_type, values, change.states)
        for change, values in zip(plan.changes, fields, strict=True)
    ]


# references


def test_references_keep_order_and_drop_repetitions(workshop: Gateway, team: str, person: str) -> None:
    labels = [workshop.create("boss", "Label", "/", title=f"{name} of {team}") for name in ("b", "a", "c")]
    uids = [label.uid for label in labels]
    path = thing(workshop, team, person, Labels=[uids[2], labels[0].path, uids[2], uids[1], f"id:{labels[0].id}"])
    read = workshop.read("mia", path)
    assert read["Labels"] == read["Labels_uid"] == [uids[2], uids[0], uids[1]]
    assert read["LabelNames"] == [f"c of {team}", f"b of {team}", f"a of {team}"]
    workshop.update("mia", path, Labels=[uids[1]])
    assert workshop.read("mia", path)["LabelNames"] == [f"a of {team}"]


def test_references_are_found_by_any_spelling(workshop: Gateway, team: str) -> None:
    name = f"Spelled for {team.rpartition('/')[2]}"
    target = workshop.create("boss", "Person", "/", title=name, Nickname="speller")
    for spelling in (
        target.uid,
        target.path,
        f"/{target.id}",
        f"portal_type:Person|title:{name}",
        f"portal_type:Person,title:{name}",
        target.id,
        f"title:{name}|portal_type:Person",
    ):
        path = thing(workshop, team, target.uid, f"by {spelling}", Owner=spelling)
        assert workshop.read("mia", path)["Owner"] == target.uid, spelling


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("portal_type:Person|title:Nobody of that name", UnresolvedReference),
        ("0" * 32, UnresolvedReference),
        ("/settings", UnresolvedReference),
        ("portal_type:Person|title:Double", AmbiguousReference),
    ],
)
def test_what_a_reference_does_not_find_is_refused(
    workshop: Gateway, team: str, person: str, value: str, error: type[ApiError]
) -> None:
    if workshop.total("boss", {"portal_type": "Person", "title": "Double"}) == 0:
        for _ in range(7):
            workshop.create("boss", "Person", "/", title="Double")
    with pytest.raises(error) as refused:
        thing(workshop, team, person, Owner=value)
    assert refused.value.causes[0].name == "Owner"
    if error is AmbiguousReference:
        assert refused.value.message.count("/person-") == 5


@pytest.mark.parametrize(
    "spelling",
    ["{:032x}", "/nowhere/{}", "portal_type:Thing|id:thing-x{}", "portal_type:Thing|title:x{}", "Title:x{}", "a||{}"],
)
def test_of_a_long_list_of_bad_references_the_first_twenty_are_named_and_the_others_counted(
    workshop: Gateway, team: str, person: str, spelling: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        thing(workshop, team, person, Goes=[spelling.format(n) for n in range(50)])
    assert len(refused.value.causes) in (20, 1)  # what cannot be read is one cause
    assert "nd 30 more" in refused.value.message
    assert len(refused.value.message) < 10_000


@pytest.mark.parametrize(
    ("spelling", "number", "refused"),
    [("Title:x{}", 6, True), ("Title:x{}", 5, False), ("portal_type:Thing|title:x{}", 50, False)],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_queries_that_cannot_be_asked_together_are_bounded(
    workshop: Gateway, team: str, person: str, spelling: str, number: int, refused: bool, dry_run: bool
) -> None:
    site = replace(workshop.site, context=replace(workshop.site.context, most_reference_queries=5))
    few = Gateway(site, workshop.statements)
    request = CreateItem(
        "Thing", ByPath(team), {"title": "x", "Maker": person, "Goes": [spelling.format(n) for n in range(number)]}
    )
    with pytest.raises(TooLarge if refused else UnresolvedReference) as error:
        few.run("mia", lambda tx: tx.create([request], dry_run=dry_run))
    assert ("OBJAPI_MAX_REFERENCE_QUERIES" in error.value.message) is refused


def test_a_target_that_the_caller_may_not_see_is_not_found(workshop: Gateway, team: str, person: str) -> None:
    hidden = thing(workshop, team, person, "Hidden")
    workshop.act("mia", "hide", hidden)
    path = thing(workshop, team, person, "Seeker")
    workshop.grant_local_roles(path.removeprefix("/Plone"), "olga", ["Owner"])
    with pytest.raises(UnresolvedReference):
        workshop.update("olga", path, Goes=[workshop.uid(hidden)])
    assert workshop.update("mia", path, Goes=[workshop.uid(hidden)]).updated == ("Goes",)


def test_a_query_for_several_finds_all_of_them(workshop: Gateway, team: str, person: str) -> None:
    word = f"many{team.rpartition('-')[2]}"
    uids = [workshop.create("boss", "Label", "/", title=f"{word} {number}").uid for number in range(9)]
    path = thing(workshop, team, person, Labels=f"portal_type:Label|Title:{word}")
    assert workshop.read("mia", path)["Labels"] == uids


def test_objects_of_other_types_do_not_stand_in_the_way(workshop: Gateway, team: str, person: str) -> None:
    shared = f"shared-{team.rpartition('-')[2]}"
    for number in range(8):
        box = workshop.create("mia", "Box", team, title=f"Box {number}").path
        workshop.create("mia", "Box", box, id=shared, title="x")
    label = workshop.create("boss", "Label", "/", id=shared, title=shared).uid
    assert workshop.read("mia", thing(workshop, team, person, Labels=shared))["Labels"] == [label]


# remove


def test_remove_takes_what_is_inside_and_leaves_its_history(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    part = workshop.create("mia", "Part", path, Kind="leg")
    uid = workshop.uid(path)
    outcome = workshop.remove("mia", uid)
    assert [entry.uid for entry in outcome.entries] == [uid]
    assert workshop.total("boss", {"path": path}) == 0
    for gone in (uid, part.uid):
        assert workshop.history("anna", ByUid(gone)).rows[0]["event"] == "remove"


def test_nothing_is_removed_when_one_is_not_there(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    before = workshop.dump()
    with pytest.raises(BatchFailed) as refused:
        workshop.remove("mia", workshop.uid(path), "0" * 32)
    assert [type(error) for error in refused.value.outcome.errors] == [NotFound]
    with pytest.raises(BadRequest):
        workshop.remove("mia")
    assert workshop.dump() == before


def test_remove_needs_the_permission_on_everything_inside(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    with pytest.raises(Forbidden, match="Delete objects"):
        workshop.remove("anna", workshop.uid(path))


def test_what_has_gone_on_is_kept(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person)
    workshop.act("mia", "finish", path)
    for uid in (workshop.uid(path), workshop.uid(team)):
        with pytest.raises(Conflict, match="finished"):
            workshop.remove("boss", uid)


def test_what_is_referred_to_from_outside_stays(workshop: Gateway, team: str, person: str) -> None:
    path = thing(workshop, team, person, Owner=person)
    with pytest.raises(ReferenceInUse) as refused:
        workshop.remove("boss", person)
    assert refused.value.causes[0].name == path
    with pytest.raises(ReferenceInUse, match=path):
        workshop.remove("boss", person, break_references=True)
    other = workshop.create("boss", "Person", "/", title="Successor").uid
    workshop.update("boss", path, Maker=other)
    workshop.remove("boss", person, break_references=True)
    read = workshop.read("boss", path)
    assert (read["Owner"], read["OwnerName"], read["Maker"]) == (None, "", other)


def test_references_among_what_goes_do_not_hold_it(workshop: Gateway, team: str, person: str) -> None:
    first, second = thing(workshop, team, person, "1"), thing(workshop, team, person, "2")
    workshop.update("mia", first, Goes=[workshop.uid(second)])
    workshop.update("mia", second, Goes=[workshop.uid(first)])
    workshop.remove("mia", workshop.uid(first), workshop.uid(second))
    assert workshop.total("boss", {"path": team, "portal_type": "Thing"}) == 0


def test_everything_is_in_step_in_the_end(workshop: Gateway) -> None:
    workshop.assert_settled()


def test_referrers_that_the_caller_may_not_see_are_neither_named_nor_counted(
    workshop: Gateway, team: str, person: str
) -> None:
    target, alone = thing(workshop, team, person, "Target"), thing(workshop, team, person, "Alone")
    seen = thing(workshop, team, person, "Seen", Goes=[workshop.uid(target)])
    hidden = thing(workshop, team, person, "Hidden", Goes=[workshop.uid(target), workshop.uid(alone)])
    for path in (target, alone, seen):
        workshop.grant_local_roles(path.removeprefix("/Plone"), "olga", ["Manager"])
    with pytest.raises(ReferenceInUse, match=seen) as refused:
        workshop.remove("olga", workshop.uid(target))
    assert [cause.name for cause in refused.value.causes] == [seen]
    assert "more" not in refused.value.message
    with pytest.raises(ReferenceInUse, match="may not see") as refused:
        workshop.remove("olga", workshop.uid(alone))
    assert refused.value.causes == ()
    try:
        shown = str(workshop.remove("olga", workshop.uid(target), break_references=True, dry_run=True).plan)
    except ApiError as error:
        shown = f"{error.message} {error.causes}"
    assert hidden not in shown
    assert hidden in str(workshop.remove("boss", workshop.uid(target), break_references=True, dry_run=True).plan)


@pytest.mark.parametrize("kept", [False, True])
def test_contents_that_the_caller_may_not_see_are_not_named(
    workshop: Gateway, team: str, person: str, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    box = workshop.create("mia", "Box", team, title="Box").path
    inside = workshop.create("mia", "Thing", box, title="Inside", Maker=person).path
    if kept:
        workshop.act("mia", "hide", inside)
    can = StorePlanner.can

    def blind(planner: StorePlanner, entity: Draft, permission: str) -> bool:
        unseen = entity.path == inside and (permission == VIEW or (permission == DELETE and not kept))
        return not unseen and can(planner, entity, permission)

    monkeypatch.setattr(StorePlanner, "can", blind)
    with pytest.raises(Forbidden, match="neither see nor remove") as refused:
        workshop.remove("mia", workshop.uid(box))
    assert inside not in f"{refused.value.message} {refused.value.causes}"
    assert workshop.total("boss", {"path": inside}) == 1


@pytest.mark.parametrize("user", ["olga", "anna"])
def test_history_of_what_is_hidden_and_of_what_never_was_is_one_answer(
    workshop: Gateway, team: str, person: str, user: str
) -> None:
    hidden = thing(workshop, team, person, "Hidden")
    workshop.act("mia", "hide", hidden)
    assert workshop.total(user, {"path": hidden}) == 0
    answers = set()
    for uid in (workshop.uid(hidden), "AB" * 16):
        with pytest.raises(NotFound) as refused:
            workshop.history(user, ByUid(uid))
        answers.add((refused.value.message.replace(uid, "UID"), len(refused.value.causes)))
    assert len(answers) == 1, answers
