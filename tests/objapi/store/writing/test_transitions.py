"""Transitions of one and of many: all or none, what follows, and what is said of a refusal."""

from dataclasses import replace

import pytest

from objapi import upkeep
from objapi.errors import NotFound, TransitionNotAllowed
from objapi.model.content import Content, ContentObject, ContentUser, Ref
from objapi.store.requests import BatchFailed, ByPath, ByUid, Find
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import Gateway, quietly


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    """A thing of two parts."""
    path = workshop.create("mia", "Thing", team, title="Stool", Maker=person).path
    for kind in ("seat", "leg"):
        workshop.create("mia", "Part", path, Kind=kind)
    return path


def parts(thing: str) -> list[str]:
    own = thing.rpartition("/")[2]
    return [f"{thing}/{own}-P01", f"{thing}/{own}-P02"]


def test_the_last_part_takes_the_thing_along(workshop: Gateway, thing: str) -> None:
    first, last = parts(thing)
    assert workshop.act("mia", "do", first).entries[0].states == {"review_state": "done"}
    assert workshop.read("mia", thing)["review_state"] == "open"
    plan = workshop.act("mia", "do", last).plan
    assert [(change.path, [step.new for step in change.states]) for change in plan.changes] == [
        (last, ["done"]),
        (thing, ["finished"]),
    ]
    assert workshop.read("mia", thing)["review_state"] == "finished"


def test_what_an_earlier_object_of_the_batch_took_along_counts_as_done(workshop: Gateway, thing: str) -> None:
    workshop.act("mia", "do", *parts(thing)[:1])
    before = workshop.history_rows()
    outcome = workshop.run(
        "mia", lambda tx: tx.transition([ByPath(path) for path in (parts(thing)[1], parts(thing)[1])], "do"), write=True
    )
    assert [entry.error for entry in outcome.entries] == [None, None]
    assert workshop.history_rows() - before == 2


def test_many_are_taken_all_or_none(workshop: Gateway, thing: str) -> None:
    workshop.act("mia", "do", parts(thing)[0])
    before = workshop.dump()
    with pytest.raises(BatchFailed) as refused:
        workshop.act("mia", "do", *parts(thing), f"{thing}/none")
    assert [type(entry.error) for entry in refused.value.outcome.entries] == [
        TransitionNotAllowed,
        type(None),
        NotFound,
    ]
    assert workshop.dump() == before


def test_a_partial_request_takes_those_that_can(workshop: Gateway, thing: str) -> None:
    workshop.act("mia", "do", parts(thing)[0])
    outcome = workshop.act("mia", "do", *parts(thing), partial=True)
    assert [entry.error is None for entry in outcome.entries] == [False, True]
    assert [entry.states for entry in outcome.entries] == [{"review_state": "done"}] * 2
    assert workshop.read("mia", thing)["review_state"] == "finished"
    nothing = workshop.act("mia", "do", *parts(thing), partial=True)
    assert (nothing.applied, len(nothing.errors)) == (False, 2)


def test_a_refusal_names_object_state_and_what_is_allowed(workshop: Gateway, thing: str) -> None:
    with pytest.raises(TransitionNotAllowed) as refused:
        workshop.act("mia", "publish", thing)
    assert refused.value.status == 409
    for word in (thing, "open", "publish", "hide"):
        assert word in refused.value.message
    with pytest.raises(TransitionNotAllowed) as refused:
        workshop.act("anna", "hide", thing)
    assert (refused.value.status, "Modify portal content" in refused.value.message) == (403, True)


def test_what_may_not_be_seen_cannot_be_taken(workshop: Gateway, thing: str) -> None:
    with pytest.raises(NotFound):
        workshop.act("olga", "hide", thing)
    with pytest.raises(NotFound, match=thing) as missing:
        workshop.run("olga", lambda tx: tx.offered([ByPath(thing), ByUid("0" * 32)]))
    assert len(missing.value.causes) == 2


def test_what_is_held_back_is_explained_with_the_roles_that_would_do(workshop: Gateway, thing: str) -> None:
    (plain,) = workshop.run("anna", lambda tx: tx.offered([ByPath(thing)]))
    assert (plain.blocked, plain.roles) == ((), ())
    (found,) = workshop.run("anna", lambda tx: tx.offered([ByPath(thing)], explain=True))
    assert found.roles == ("Auditor", "Authenticated")
    blocked = {item.transition: item for item in found.blocked}
    assert list(blocked) == [name for name, _ in found.refused] == ["finish", "hide"]
    assert (blocked["hide"].title, blocked["hide"].new_state) == ("hide", "hidden")
    (reason,) = blocked["hide"].reasons
    assert (reason.kind, reason.names) == ("permission", ("Modify portal content",))
    assert reason.roles == ("Maker", "Manager", "Owner")
    assert reason.needs == "one of the roles Maker, Manager, Owner"
    assert "you have the roles Auditor, Authenticated" in reason.message
    (reason,) = blocked["finish"].reasons
    assert (reason.kind, reason.message, reason.roles) == ("condition", "not all parts are done", ())
    workshop.act("mia", "hide", thing)
    (found,) = workshop.run("mia", lambda tx: tx.offered([ByPath(thing)], explain=True))
    (reason,) = found.blocked[0].reasons
    assert (reason.kind, reason.needs) == ("role", "the role Manager")


def test_the_world_of_guards_knows_what_a_user_may_see_and_read(workshop: Gateway, thing: str) -> None:
    workshop.act("mia", "hide", thing)

    def seen(tx: Transaction) -> tuple[bool, bool, bool]:
        planner = tx._planner()
        draft = planner.at(thing.removeprefix("/Plone"))
        assert draft is not None
        context = planner.world.context(draft)
        return context.sees, context.reads("Secret"), context.reads("title")

    assert workshop.run("anna", seen) == (False, False, True)
    assert workshop.run("mia", seen) == (True, False, True)
    assert workshop.run("boss", seen) == (True, True, True)


def test_contents_are_loaded_with_states_references_and_local_roles(workshop: Gateway, team: str) -> None:
    below = team.removeprefix("/Plone")
    name = f"nora{below.rpartition('-')[2]}"
    content = Content(
        (ContentUser(name, "a long password", groups=("Clients",), local_roles={f"{below}/box": ("Owner",)}),),
        (
            ContentObject(f"{below}/box", "Box", {"title": "Box"}),
            ContentObject(
                f"{below}/box/thing-90000",
                "Thing",
                {"title": "Old", "Maker": Ref(f"{below}-maker"), "Goes": [Ref(f"{below}/new")]},
                {"review_state": "published"},
            ),
            ContentObject(f"{below}/new", "Thing", {"title": "New", "Maker": Ref(f"{below}-maker")}),
            ContentObject(f"{below}-maker", "Person", {"title": "Maker"}),
        ),
    )
    upkeep.load_content(workshop.site, content, quietly)
    assert {item["id"] for item in workshop.find(name, {"path": team})} == {"box", "thing-90000"}
    read = workshop.read("boss", f"{team}/box/thing-90000")
    assert (read["review_state"], read["Goes"]) == ("published", [workshop.uid(f"{team}/new")])
    made = workshop.create("boss", "Thing", team, title="Next", Maker=workshop.uid(f"{team}-maker"))
    assert int(made.id.rpartition("-")[2]) > 90000
    workshop.assert_settled()


def test_a_site_may_take_the_first_of_several_targets(workshop: Gateway, team: str, person: str) -> None:
    twins = [workshop.create("boss", "Person", "/", title=f"Twin of {team}").uid for _ in range(2)]
    site = replace(workshop.site, context=replace(workshop.site.context, ambiguous="first"))
    lenient = Gateway(site, workshop.statements)
    path = lenient.create("mia", "Thing", team, title="x", Maker=f"portal_type:Person|title:Twin of {team}").path
    assert workshop.read("mia", path)["Maker"] == twins[0]


def test_the_comment_is_kept_with_each_step(workshop: Gateway, thing: str) -> None:
    find = Find({"path": thing, "portal_type": "Part"}, size=0)
    workshop.run("mia", lambda tx: tx.transition_found(find, "do", comment="Zeit für ☕"), write=True)
    for path in parts(thing):
        assert workshop.history("boss", ByPath(path)).rows[0]["comment"] == "Zeit für ☕"
