"""Signatures of transitions: who may sign, what is kept, and what is told when the object is another one by then."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from sqlalchemy import delete, insert, update

from objapi.api.methods.introspection import described_workflow
from objapi.errors import Conflict, SignatureRefused, SignatureRequired, TransitionNotAllowed
from objapi.model.token_scope import TokenScope
from objapi.security.needs import Need
from objapi.security.principals import LoadedUser, command_line_user
from objapi.security.role_table import RoleTable
from objapi.security.tables import memberships, users
from objapi.store.reading.signatures import signed
from objapi.store.requests import ByPath, Outcome, SignerProof
from objapi.store.schema import signatures
from objapi.store.trail.verifying import verify_trail
from objapi.store.transaction import Transaction
from tests.objapi.store.workshop import PROFILE, USERS, Gateway, open_site
from tests.objapi.store.writing.test_undoing import request_of, undo

WORKFLOWS = """
workflows:
  thing_workflow:
    extend: true
    transitions:
      finish: {extend: true, signature: {meaning: Finished}}
      hide: {extend: true, signature: {meaning: Hidden, re_authenticate: false}}
      publish: {extend: true, signature: {meaning: Approved, not_the_author: true}}
      note: {guard: {permissions: [Modify portal content]}}
    states:
      finished: {exits: [publish, note]}
  part_workflow:
    extend: true
    transitions:
      do: {extend: true, signature: {meaning: Reviewed, not_the_author: true}}
"""
MANAGERS = dict.fromkeys(("ben", "liz", "sue"), (("Manager",), ()))


@pytest.fixture(scope="module")
def module_workshop(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The workshop with signed transitions."""
    folder = tmp_path_factory.mktemp("signed")
    (folder / "workflows").mkdir()
    (folder / "profile.yaml").write_text(f"extends: ['{PROFILE}']\n", encoding="utf-8")
    (folder / "workflows" / "signed.yaml").write_text(WORKFLOWS, encoding="utf-8")
    site = open_site(module_database_url, folder, (str(folder),))
    gateway = Gateway.on(site)
    gateway.add_users(USERS | MANAGERS)
    yield gateway
    site.close()


def sign(
    gateway: Gateway, user: str, action: str, *paths: str, proof: str | None = "password", **more: object
) -> Outcome:
    """Take a transition as a user who has given a proof, or none."""

    def work(tx: Transaction) -> Outcome:
        if proof is not None:
            tx.sign_with(SignerProof(user, proof))
        return tx.transition([ByPath(path) for path in paths], action, **more)  # type: ignore[arg-type]

    return gateway.run(user, work, write=True)


@pytest.fixture
def thing(workshop: Gateway, team: str, person: str) -> str:
    """The path of a new thing without parts, which boss has made."""
    return workshop.create("boss", "Thing", team, id="a", title="a", Maker=person).path


def test_without_a_proof_nothing_is_done_and_with_it_the_signature_is_kept(workshop: Gateway, thing: str) -> None:
    with pytest.raises(SignatureRequired, match="send your password"):
        workshop.act("boss", "finish", thing)
    with pytest.raises(SignatureRequired):
        sign(workshop, "boss", "finish", thing, proof=None, fields={"Count": 3})
    before = workshop.read("boss", thing)
    assert (before["review_state"], before["Count"], before["signatures"]) == ("open", None, [])
    assert (
        sign(workshop, "boss", "finish", thing, proof=None, dry_run=True).plan.changes[0].states[0].meaning
        == "Finished"
    )
    with workshop.statements.counted() as signing:
        outcome = sign(workshop, "boss", "finish", thing, fields={"Count": 3})
    assert (outcome.entries[0].signed_as, sum("INSERT INTO signatures" in text for text in signing)) == ("Finished", 1)
    after = workshop.read("boss", thing)
    (own,) = after["signatures"]
    assert own == {
        "meaning": "Finished",
        "user_id": "boss",
        "fullname": "boss",
        "time": own["time"],
        "version": after["version"],
        "valid": True,
    }
    entry = workshop.history("boss", ByPath(thing)).rows[1]
    assert isinstance(entry["signature"], dict)
    assert entry["transition"] == "finish"
    assert {name: entry["signature"][name] for name in ("meaning", "user_id", "proof")} == {
        "meaning": "Finished",
        "user_id": "boss",
        "proof": "password",
    }


def test_a_signature_is_broken_by_other_values_and_by_nothing_else(workshop: Gateway, thing: str) -> None:
    def valid() -> list[bool]:
        return [item["valid"] for item in workshop.read("boss", thing, include_fields=("signatures",))["signatures"]]

    sign(workshop, "boss", "finish", thing)
    workshop.act("boss", "note", thing)
    assert valid() == [True]
    workshop.update("boss", thing, Count=4)
    assert valid() == [False]
    workshop.update("boss", thing, Count="")
    assert valid() == [True]
    # The cascade that follows writes a field, which the second signature is about.
    sign(workshop, "liz", "publish", thing)
    assert valid() == [False, True]


def test_the_name_stays_when_the_user_is_renamed_and_gone(workshop: Gateway, thing: str) -> None:
    sign(workshop, "sue", "finish", thing)
    workshop.site.transact(
        lambda c: c.execute(update(users).where(users.c.id == "sue").values(fullname="X")), write=True
    )
    workshop.site.transact(lambda c: c.execute(delete(memberships).where(memberships.c.user_id == "sue")), write=True)
    workshop.site.transact(lambda c: c.execute(delete(users).where(users.c.id == "sue")), write=True)
    assert [(item["user_id"], item["fullname"]) for item in workshop.read("boss", thing)["signatures"]] == [
        ("sue", "sue")
    ]
    workshop.add_users({"sue": (("Manager",), ())})


@pytest.mark.parametrize(
    ("steps", "refused", "taken"),
    [
        ("boss finish", "boss", "liz"),
        ("liz finish", "boss", "ben"),
        ("liz finish", "liz", "ben"),
        ("liz finish, ben note", "ben", "liz"),
        ("ben update, liz finish", "ben", "sue"),
        ("liz finish, ben update", "ben", "sue"),
    ],
)
def test_the_author_does_not_sign(workshop: Gateway, thing: str, steps: str, refused: str, taken: str) -> None:
    """Who has made or changed it, or taken its last transition."""
    for step in steps.split(", "):
        user, action = step.split()
        if action == "update":
            workshop.update(user, thing, Count=7)
        else:
            sign(workshop, user, action, thing)
    with pytest.raises(TransitionNotAllowed, match=f"{refused} changed it or moved it last"):
        sign(workshop, refused, "publish", thing)
    with pytest.raises(TransitionNotAllowed, match="changed it or moved it last"):
        sign(workshop, taken, "publish", thing, fields={"Count": 8})
    offers = {
        user: workshop.run(user, lambda tx: tx.offered([ByPath(thing)], explain=True)[0]) for user in (refused, taken)
    }
    assert offers[taken].signed == {"publish": "Approved"}
    (blocked,) = offers[refused].blocked
    assert (blocked.transition, blocked.reasons[0].kind, blocked.reasons[0].needs) == (
        "publish",
        "author",
        "somebody else has to sign",
    )
    sign(workshop, taken, "publish", thing)


def test_the_table_of_rights_and_the_workflow_say_what_is_signed(workshop: Gateway) -> None:
    rows = {row.of: row.also for row in RoleTable(workshop.site.registry).rows(Need.TRANSITION) if row.of}
    assert (rows["publish"], rows["hide"]) == ("signature Approved, not by the author", "signature Hidden")
    shown = described_workflow(workshop.site.registry.workflows["thing_workflow"])["transitions"]
    assert [item["signature"] for item in shown if item["id"] == "hide"] == [  # type: ignore[attr-defined]
        {"meaning": "Hidden", "re_authenticate": False, "not_the_author": False}
    ]


def test_an_independent_signature_closes_what_was_done_before_it(workshop: Gateway, team: str, person: str) -> None:
    path = workshop.create("boss", "Thing", team, id="b", title="b", Maker=person).path
    part = workshop.create("boss", "Part", path, Kind="leg", Grams=1).path
    sign(workshop, "liz", "do", part)
    entry = workshop.read("boss", part)["signatures"][0]
    assert (entry["meaning"], entry["user_id"]) == ("Reviewed", "liz")
    assert workshop.read("boss", path)["Parts"][0]["signatures"] == [entry]
    # The cascade of the same request has finished, and signed, the thing; liz was the last to move it.
    assert [item["meaning"] for item in workshop.read("boss", path)["signatures"]] == ["Finished"]
    with pytest.raises(TransitionNotAllowed):
        sign(workshop, "liz", "publish", path)
    sign(workshop, "ben", "publish", path)


def test_who_cannot_sign_is_told_so(workshop: Gateway, thing: str) -> None:
    def by_token(connection: object) -> LoadedUser:
        loaded = workshop.authenticate("boss")(connection)  # type: ignore[arg-type]
        principal = loaded.principal
        token = TokenScope("oat_x")
        return LoadedUser(
            type(principal)(principal.user_id, principal.fullname, principal.roles, principal.groups, token=token),
            *("", "", 0, True, loaded.newest_acl),
        )

    def work(tx: Transaction, action: str) -> Outcome:
        tx.sign_with(SignerProof("boss", "password"))
        return tx.transition([ByPath(thing)], action)

    for action in ("finish", "hide"):
        with pytest.raises(SignatureRefused, match="an API token cannot sign"):
            workshop.site.run(by_token, lambda tx, action=action: work(tx, action), write=True)
    # A command, and a device that comes for a person, as those of MxLIVE do: also where being logged in is enough.
    person = workshop.site.transact(workshop.authenticate("boss"), write=False)
    device = replace(person, principal=replace(person.principal, by_device=True))
    for action, caller in product(("finish", "hide"), (command_line_user(), device)):
        with pytest.raises(SignatureRefused, match="log in as yourself, and take it in the console or by @@API"):
            workshop.site.run(lambda _, caller=caller: caller, lambda tx, action=action: work(tx, action), write=True)
    with pytest.raises(SignatureRequired):
        workshop.run("liz", lambda tx: work(tx, "finish"), write=True)
    assert sign(workshop, "boss", "hide", thing, proof=None).entries[0].signed_as == "Hidden"


def test_a_signature_that_was_changed_by_hand_is_found(workshop: Gateway, thing: str) -> None:
    def problems() -> list[str]:
        found = workshop.site.transact(
            lambda connection: verify_trail(connection, workshop.site.settings.site_id, {}), write=False
        )
        return [problem for problem in found.problems if "signature" in problem]

    sign(workshop, "boss", "finish", thing)
    own = signatures.c.uid == workshop.uid(thing)
    assert problems() == []
    for changed in (update(signatures).where(own).values(fullname="Somebody"), delete(signatures).where(own)):
        workshop.site.transact(lambda connection, changed=changed: connection.execute(changed), write=True)
        (problem,) = problems()
        assert thing in problem
    forged = {"entry": 1, "uid": "0" * 32, "version": 1, "at": 0, "independent": 0}
    forged |= dict.fromkeys(("user_id", "fullname", "meaning", "document"), "x")
    workshop.site.transact(lambda connection: connection.execute(insert(signatures).values(forged)), write=True)
    assert any("there is none" in problem for problem in problems())
    workshop.site.transact(
        lambda connection: connection.execute(delete(signatures).where(signatures.c.entry == 1)), write=True
    )


def test_what_is_signed_is_not_undone(workshop: Gateway, thing: str) -> None:
    sign(workshop, "boss", "finish", thing)
    uid = workshop.uid(thing)
    assert workshop.site.transact(lambda connection: signed(connection, [uid, "0" * 32]), write=False) == {uid}
    with pytest.raises(Conflict, match="nobody takes a signature back"):
        undo(workshop, request_of(workshop, uid))


def test_a_page_costs_one_statement_more_however_many_are_signed(workshop: Gateway, team: str, person: str) -> None:
    paths = [workshop.create("boss", "Thing", team, id=name, title=name, Maker=person).path for name in "pqrs"]
    sign(workshop, "boss", "finish", *paths)

    def statements(user: str, **criteria: object) -> int:
        with workshop.statements.counted() as inside:
            workshop.find(user, criteria)
        return sum("signatures" in text for text in inside)

    assert [statements("boss", UID=[workshop.uid(path) for path in paths[:count]]) for count in (1, 4)] == [1, 1]
    assert statements("boss", portal_type="Person") == 0
    with workshop.statements.counted() as few:
        workshop.run("liz", lambda tx: tx.offered([ByPath(paths[0])]))
    with workshop.statements.counted() as many:
        workshop.run("liz", lambda tx: tx.offered([ByPath(path) for path in paths]))
    assert len(few) == len(many)
