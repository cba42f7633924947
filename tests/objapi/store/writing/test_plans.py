"""Plans of dry runs: what changes and why, what references mean, what is refused; and nothing of what is hidden."""

import pytest

from objapi.errors import ApiError, Forbidden
from objapi.sheets.making import NewObject, make_objects
from objapi.store.requests import BatchFailed, ByItem, ByPath, CreateItem, NamedObject, Plan, UpdateItem
from tests.objapi.store.workshop import Gateway


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    """A thing of one part."""
    path = workshop.create("mia", "Thing", team, title="Stool", Maker=person).path
    workshop.create("mia", "Part", path, Kind="leg")
    return path


def part_of(thing: str) -> str:
    return f"{thing}/{thing.rpartition('/')[2]}-P01"


def refusal(workshop: Gateway, user: str, items: list[UpdateItem], **options: bool) -> ApiError:
    with pytest.raises(ApiError) as refused:
        workshop.update_all(user, items, **options)
    return refused.value


def test_references_are_named_beside_what_was_sent(workshop: Gateway, team: str, person: str) -> None:
    title = workshop.read("boss", "/Plone/" + workshop.find("boss", {"UID": person})[0]["id"])["title"]
    sent = f"portal_type:Person|title:{title}"
    item = CreateItem("Thing", ByPath(team), {"title": "Stool", "Maker": sent, "Count": 2})
    (change,) = workshop.create_all("mia", [item], dry_run=True).plan.changes
    fields = {field.field: field for field in change.fields}
    assert (fields["Maker"].new, fields["Maker"].sent) == (person, sent)
    assert [(named.uid, named.portal_type, named.title) for named in fields["Maker"].references] == [
        (person, "Person", title)
    ]
    assert (fields["Count"].sent, fields["Count"].references) == (None, ())


def test_objects_that_the_user_may_not_see_are_not_named(workshop: Gateway, team: str, person: str) -> None:
    hidden, seen = (
        workshop.create("mia", "Thing", team, title=title, Maker=person).path for title in ("Hidden", "Seen")
    )
    workshop.update("mia", seen, Goes=[hidden])
    workshop.act("boss", "hide", hidden)
    workshop.grant_local_roles(seen.removeprefix("/Plone"), "olga", ["Owner"])
    item = UpdateItem(ByPath(seen), {"Goes": []})
    for user, named in (("boss", ("Hidden",)), ("olga", ())):
        (change,) = workshop.update_all(user, [item], dry_run=True).plan.changes
        assert tuple(found.title for found in change.fields[0].references) == named
    plan = workshop.update_all("olga", [item], dry_run=True).plan
    assert hidden not in str(plan)


def test_what_follows_has_its_cause(workshop: Gateway, thing: str) -> None:
    part = part_of(thing)
    asked, followed = workshop.act("mia", "do", part, dry_run=True).plan.changes
    assert (asked.path, asked.index, asked.cause, asked.states[0].cause.kind) == (part, 0, None, "request")
    assert (followed.path, followed.index) == (thing, None)
    assert followed.cause == followed.states[0].cause
    assert (followed.cause.kind, followed.cause.path, followed.cause.transition) == ("cascade", part, "do")


def test_what_follows_on_hidden_objects_is_neither_told_nor_counted(workshop: Gateway, thing: str) -> None:
    part = part_of(thing)
    workshop.grant_local_roles(part.removeprefix("/Plone"), "olga", ["Owner"])
    shown = {user: workshop.act(user, "do", part, dry_run=True).plan for user in ("boss", "olga")}
    assert [change.path for change in shown["boss"].changes] == [part, thing]
    assert [change.path for change in shown["olga"].changes] == [part]
    weight = UpdateItem(ByPath(part), {"Grams": 5})
    counts = [workshop.update_all(user, [weight], dry_run=True).plan.reindexed for user in ("boss", "olga")]
    assert counts == [2, 0]


def test_a_cause_that_is_hidden_is_not_named(workshop: Gateway, team: str, person: str) -> None:
    model = workshop.create("boss", "Model", "/", title=f"of {team}")
    path = workshop.create("mia", "Thing", team, title="Painted", Maker=person, Model=model.uid).path
    item = UpdateItem(ByPath(path), {"Colour": "red"})
    (change,) = workshop.update_all("mia", [item], dry_run=True).plan.changes
    assert (change.path, change.cause.kind, change.cause.path, change.cause.field) == (
        model.path,
        "effect",
        path,
        "Colour",
    )


def test_a_refused_trial_tells_the_rest_and_every_refusal(workshop: Gateway, thing: str) -> None:
    part, before = part_of(thing), workshop.dump()
    items = [
        UpdateItem(ByPath(f"{thing}/none"), {"Grams": 1}),
        UpdateItem(ByPath(thing), {"Secret": "silver"}),
        UpdateItem(ByPath(part), {"Grams": 5}),
        UpdateItem(ByPath(part), {"Grams": 6}),
    ]
    real, trial = refusal(workshop, "mia", items), refusal(workshop, "mia", items, dry_run=True)
    assert isinstance(trial, BatchFailed)
    assert (trial.status, trial.message, trial.causes) == (real.status, real.message, real.causes)
    assert real.trial is None
    assert isinstance(trial.trial, Plan)
    assert [(change.path, change.index) for change in trial.trial.changes] == [(part, 2)]
    assert [(item.index, item.error.status) for item in trial.trial.refused] == [(0, 404), (1, 403), (3, 400)]
    partial = workshop.update_all("mia", items, dry_run=True, partial=True).plan
    assert [(item.index, item.error.status) for item in partial.refused] == [(0, 404), (1, 403), (3, 400)]
    assert workshop.dump() == before


def test_a_refused_trial_of_one_object_keeps_its_error(workshop: Gateway, thing: str) -> None:
    error = refusal(workshop, "mia", [UpdateItem(ByPath(thing), {"Secret": "silver"})], dry_run=True)
    assert isinstance(error, Forbidden)
    assert isinstance(error.trial, Plan)
    assert (error.trial.changes, error.trial.refused[0].entry.path) == ((), thing)


def test_a_plan_of_a_sheet_names_rows(workshop: Gateway, team: str, person: str) -> None:
    objects = [
        NewObject(CreateItem("Thing", ByPath(team), {"title": "Stool", "Maker": person}), row=4),
        NewObject(CreateItem("Thing", ByPath(team), {"title": "Bench"}), row=5),
    ]
    for dry_run in (True, False):
        with pytest.raises(ApiError) as refused:
            workshop.run("mia", lambda tx, dry_run=dry_run: make_objects(tx, objects, dry_run=dry_run), write=True)
        assert [cause.row for cause in refused.value.causes] == [5]
        plan = refused.value.trial
        assert isinstance(plan, Plan) is dry_run
        if isinstance(plan, Plan):
            assert [(change.row, change.index) for change in plan.changes] == [(4, None)]
            assert [(item.row, item.index) for item in plan.refused] == [(5, None)]


def test_names_that_the_real_request_may_give_otherwise_are_provisional(
    workshop: Gateway, team: str, person: str
) -> None:
    values = {"title": "Stool", "Maker": person}
    items = [
        CreateItem("Thing", ByPath(team), values, id="stool", name="chosen"),
        CreateItem("Part", ByItem("chosen"), {"Kind": "leg"}),
        CreateItem("Box", ByPath(team), {"title": "Crate"}, name="box"),
        CreateItem("Thing", ByItem("box"), values, id="within"),
    ]
    found = {change.id: change.provisional for change in workshop.create_all("mia", items, dry_run=True).plan.changes}
    everything = ("UID", "id", "path")
    assert found == {
        "stool": ("UID",),
        "stool-P01": everything,
        "crate": everything,
        "within": ("UID", "path"),
    }


@pytest.mark.parametrize("refused", [False, True])
def test_a_plan_costs_the_same_statements_for_many(workshop: Gateway, team: str, person: str, refused: bool) -> None:
    owners = [workshop.create("boss", "Person", "/", title=f"{number} of {team}").uid for number in range(12)]
    counts = set()
    for many in (3, 12):
        items = [
            CreateItem("Thing", ByPath(team), {"title": f"Thing {number}", "Maker": person, "Owner": owner})
            for number, owner in enumerate(owners[:many])
        ]
        if refused:
            items += [CreateItem("Thing", ByPath(team), {"title": f"Bad {number}"}) for number in range(many)]
        with workshop.statements.counted() as statements:
            try:
                plan = workshop.create_all("mia", items, dry_run=True).plan
            except BatchFailed as failed:
                plan = failed.trial
        assert isinstance(plan, Plan)
        assert (len(plan.changes), len(plan.refused)) == (many, many if refused else 0)
        assert all(isinstance(item, NamedObject) for item in plan.changes[0].fields[-1].references)
        counts.add(len(statements))
    assert len(counts) == 1, counts
