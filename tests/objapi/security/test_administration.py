"""Users and grants as the command line and the API change them: effects, rules, history, and who may."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, update

from objapi.errors import ApiError, Conflict, Forbidden, NotFound, Unauthorized, ValidationError
from objapi.security.accounts import Account, find_account
from objapi.security.administration import Grant, LocalGrant, UserAdministration
from objapi.security.passwords import Passwords
from objapi.security.principals import LoadedUser, load_by_session
from objapi.security.sessions import SessionRules, begin_session
from objapi.security.tables import users
from objapi.store.requests import AccessEvent, ByPath, ByUid
from tests.objapi.security.conftest import CHEAP
from tests.objapi.store.workshop import PROFILE, Gateway, open_site
from tests.waiting import ENOUGH

T = TypeVar("T")
CHEAP_PASSWORDS = Passwords(CHEAP)

ROLES = """
roles: [Manager, Maker, Client, Auditor, Owner, Authenticated, Anonymous]
groups:
  Chiefs: {title: Chiefs, roles: [Manager]}
  Inspectors: {title: Inspectors, roles: []}
permissions:
  Manage users: {acquire: false, roles: [Manager, Maker]}
"""
USERS = {
    "boss": (("Manager",), ()),
    "mia": ((), ("Makers",)),
    "max": (("Maker",), ("Makers",)),
    "carl": ((), ("Clients",)),
    "anna": (("Auditor",), ()),
}


@pytest.fixture
def gateway(database_url: str, tmp_path: Path) -> Iterator[Gateway]:
    """The workshop of the store's tests, whose Makers may manage users."""
    yield from made(database_url, tmp_path)


@pytest.fixture(scope="module")
def unchanged(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same with some grants, for tests whose requests are refused."""
    for gateway in made(module_database_url, tmp_path_factory.mktemp("unchanged")):
        team = gateway.create("boss", "Team", "/", title="Team", id="team").path
        give(gateway, "boss", Grant("group:Inspectors", local_roles=("Auditor",), on=ByPath(team)))
        give(gateway, "boss", Grant("boss", groups=("Chiefs",)))
        give(gateway, "boss", Grant("max", local_roles=("Auditor",), on=ByPath("/")))
        yield gateway


def made(url: str, folder: Path, roles: str = ROLES) -> Iterator[Gateway]:
    profile = folder / "profile"
    profile.mkdir()
    (profile / "profile.yaml").write_text("title: Makers manage users\n", encoding="utf-8")
    (profile / "roles.yaml").write_text(roles, encoding="utf-8")
    site = open_site(url, folder / "data", (str(PROFILE), str(profile)))
    gateway = Gateway.on(site)
    gateway.add_users(USERS)
    yield gateway
    site.close()


def administer(gateway: Gateway, actor: str, work: Callable[[UserAdministration], T]) -> T:
    return gateway.run(actor, lambda tx: work(UserAdministration(tx)), write=True)


def give(gateway: Gateway, actor: str, grant: Grant) -> list[AccessEvent]:
    return administer(gateway, actor, lambda administration: administration.give(grant))


def take(gateway: Gateway, actor: str, grant: Grant) -> list[AccessEvent]:
    return administer(gateway, actor, lambda administration: administration.take(grant))


def set_active(gateway: Gateway, actor: str, user: str, active: bool) -> list[AccessEvent]:
    return administer(gateway, actor, lambda administration: administration.set_active(user, active))


def roles(gateway: Gateway, user: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    account = gateway.site.transact(lambda connection: find_account(connection, user), write=False)
    return account.roles, account.groups, account.active


def history(gateway: Gateway, user: str) -> list[tuple[object, ...]]:
    uid = administer(gateway, "boss", lambda administration: administration.uid_of(user))
    page = gateway.history("boss", ByUid(uid))
    return [(row["event"], row["actor"], row["changes"]) for row in page.rows]


def test_a_disabled_user_is_out_at_once_and_comes_back_without_the_old_session(gateway: Gateway) -> None:
    site = gateway.site

    def begin(connection: Connection) -> str:
        return begin_session(connection, "anna", 1, site.now(), SessionRules()).key

    def load(connection: Connection) -> LoadedUser | None:
        return load_by_session(connection, key, site.registry.roles, site.now())

    key = site.transact(begin, write=True)
    assert site.transact(load, write=False) is not None
    assert [event.event for event in set_active(gateway, "boss", "anna", False)] == ["disable"]
    assert site.transact(load, write=False) is None
    set_active(gateway, "boss", "anna", True)
    assert roles(gateway, "anna")[2] is True
    assert site.transact(load, write=False) is None
    assert history(gateway, "anna") == [
        ("enable", "boss", {"active": {"old": False, "new": True}}),
        ("disable", "boss", {"active": {"old": True, "new": False}}),
    ]


def test_roles_and_groups_are_given_and_taken_back(gateway: Gateway) -> None:
    give(gateway, "boss", Grant("anna", roles=("Maker", "Owner"), groups=("Clients",)))
    assert roles(gateway, "anna") == (("Auditor", "Maker", "Owner"), ("Clients",), True)
    take(gateway, "boss", Grant("anna", roles=("Auditor", "Owner"), groups=("Clients",)))
    assert roles(gateway, "anna") == (("Maker",), (), True)
    assert history(gateway, "anna") == [
        (
            "revoke",
            "boss",
            {
                "roles": {"old": ["Auditor", "Maker", "Owner"], "new": ["Maker"]},
                "groups": {"old": ["Clients"], "new": []},
            },
        ),
        (
            "grant",
            "boss",
            {
                "roles": {"old": ["Auditor"], "new": ["Auditor", "Maker", "Owner"]},
                "groups": {"old": [], "new": ["Clients"]},
            },
        ),
    ]


@pytest.mark.parametrize("principal", ["carl", "group:Clients"])
def test_local_roles_count_on_an_object_that_exists_and_in_it(gateway: Gateway, principal: str) -> None:
    team = gateway.create("boss", "Team", "/", title="Team").path
    grant = Grant(principal, local_roles=("Owner",), on=ByPath(team))
    assert gateway.total("carl", {"path": team}) == 0
    give(gateway, "boss", grant)
    assert gateway.total("carl", {"path": team}) == 1
    granted = administer(gateway, "boss", lambda administration: administration.local_grants(on=ByPath(team)))
    assert granted == [LocalGrant(principal, gateway.uid(team), team, ("Owner",))]
    assert granted == administer(gateway, "boss", lambda administration: administration.local_grants([principal]))
    take(gateway, "boss", grant)
    assert gateway.total("carl", {"path": team}) == 0
    rows = gateway.history("boss", ByPath(team)).rows
    assert [(row["event"], row["actor"], row["changes"]) for row in rows][:2] == [
        ("revoke", "boss", {"local_roles": {"old": {principal: ["Owner"]}, "new": {principal: []}}}),
        ("grant", "boss", {"local_roles": {"old": {principal: []}, "new": {principal: ["Owner"]}}}),
    ]


def test_what_changes_nothing_is_not_recorded(gateway: Gateway) -> None:
    team = gateway.create("boss", "Team", "/", title="Team").path
    before = gateway.dump()
    assert set_active(gateway, "boss", "anna", True) == []
    assert give(gateway, "boss", Grant("anna", roles=("Auditor",))) == []
    assert take(gateway, "boss", Grant("anna", roles=("Maker",), groups=("Clients",))) == []
    assert take(gateway, "boss", Grant("anna", local_roles=("Owner",), on=ByPath(team))) == []
    assert gateway.dump() == before


def test_a_dry_run_tells_the_changes_and_writes_none(gateway: Gateway) -> None:
    team = gateway.create("boss", "Team", "/", title="Team").path
    grant = Grant("anna", roles=("Maker",), local_roles=("Owner",), on=ByPath(team))
    before = gateway.dump()
    told = administer(gateway, "boss", lambda administration: administration.give(grant, dry_run=True))
    assert [(event.event, dict(event.changes)) for event in told] == [
        ("grant", {"roles": (("Auditor",), ("Auditor", "Maker"))}),
        ("grant", {"local_roles": ({"anna": ()}, {"anna": ("Owner",)})}),
    ]
    assert administer(gateway, "boss", lambda administration: administration.set_active("anna", False, dry_run=True))
    with pytest.raises(ValidationError, match="There is no role 'Boss'"):
        administer(gateway, "boss", lambda admin: admin.give(Grant("anna", roles=("Boss",)), dry_run=True))
    assert gateway.dump() == before
    assert told == give(gateway, "boss", grant)


def test_added_users_and_new_passwords_are_recorded(gateway: Gateway) -> None:
    account = Account("new", roles=("Maker",))
    administer(gateway, "boss", lambda administration: administration.add(account, "a long secret", CHEAP_PASSWORDS))
    administer(gateway, "mia", lambda administration: administration.store_password("new", "*"))
    assert history(gateway, "new") == [
        ("password", "mia", {}),
        ("create", "boss", {"roles": {"old": None, "new": ["Maker"]}}),
    ]


@pytest.mark.parametrize(
    ("work", "named"),
    [
        (lambda admin: admin.give(Grant("anna", roles=("Manager",))), "give the role Manager"),
        (lambda admin: admin.give(Grant("mia", roles=("Maker", "Auditor"))), "give the role Auditor"),
        (
            lambda admin: admin.give(Grant("mia", groups=("Chiefs",))),
            "give the group Chiefs, which brings the role Manager",
        ),
        (
            lambda admin: admin.give(Grant("mia", groups=("Inspectors",))),
            "the group Inspectors, which brings the role Auditor",
        ),
        (lambda admin: admin.take(Grant("boss", roles=("Manager",))), "take the role Manager"),
        (lambda admin: admin.take(Grant("carl", groups=("Clients",))), "take the group Clients"),
        (
            lambda admin: admin.give(Grant("max", local_roles=("Owner",), on=ByPath("/team"))),
            "give on /Plone/team the role Owner",
        ),
        (
            lambda admin: admin.take(Grant("carl", local_roles=("Auditor",), on=ByPath("/team"))),
            "take on /Plone/team the role Aud",
        ),
        (lambda admin: admin.set_active("boss", False), "disable boss, who has the role Manager"),
        (lambda admin: admin.set_active("anna", True), "enable anna, who has the role Auditor"),
        (lambda admin: admin.store_password("boss", "*"), "change the password of boss"),
        (lambda admin: admin.set_active("max", False), "disable max, who has the role Auditor"),
        (
            lambda admin: admin.add(Account("new", groups=("Chiefs",)), "a long secret", CHEAP_PASSWORDS),
            "the group Chiefs",
        ),
    ],
)
def test_nobody_gives_takes_or_resets_what_exceeds_the_own_roles(
    unchanged: Gateway, work: Callable[[UserAdministration], object], named: str
) -> None:
    before = unchanged.dump()
    with pytest.raises(Forbidden, match=f"You may not .*{named}"):
        administer(unchanged, "mia", work)
    assert unchanged.dump() == before


@pytest.mark.parametrize(
    "work",
    [
        lambda admin: admin.give(Grant("anna", roles=("Maker",), groups=("Makers",))),
        lambda admin: admin.take(Grant("max", roles=("Maker",), groups=("Makers",))),
        lambda admin: admin.give(Grant("carl", local_roles=("Maker", "Owner"), on=ByPath("/team"))),
        lambda admin: admin.set_active("max", False),
        lambda admin: admin.store_password("max", "*"),
    ],
)
def test_whoever_manages_users_gives_and_takes_the_own_roles(
    gateway: Gateway, work: Callable[[UserAdministration], object]
) -> None:
    team = gateway.create("boss", "Team", "/", title="Team", id="team").path
    give(gateway, "boss", Grant("mia", local_roles=("Owner",), on=ByPath(team)))
    rows = gateway.history_rows()
    administer(gateway, "mia", work)
    assert gateway.history_rows() == rows + 1


def test_without_the_permission_nothing_is_reached(gateway: Gateway) -> None:
    team = gateway.create("boss", "Team", "/", title="Team").path
    give(gateway, "boss", Grant("carl", local_roles=("Manager",), on=ByPath(team)))
    for user in ("carl", "anna"):
        for write in (False, True):
            with pytest.raises(Forbidden, match="'Manage users'"):
                gateway.run(user, UserAdministration, write=write)
    give(gateway, "boss", Grant("carl", local_roles=("Manager",), on=ByPath("/")))
    assert set_active(gateway, "carl", "carl", False)


@pytest.mark.parametrize(
    "work",
    [
        lambda admin: admin.set_active("chief", False),
        lambda admin: admin.take(Grant("chief", groups=("Chiefs",))),
        lambda admin: admin.take(Grant("chief", roles=("Owner",), groups=("Makers", "Chiefs"))),
    ],
)
def test_the_last_active_manager_stays(gateway: Gateway, work: Callable[[UserAdministration], object]) -> None:
    gateway.add_users({"chief": ((), ("Chiefs",))})
    set_active(gateway, "chief", "boss", False)
    before = gateway.dump()
    with pytest.raises(Conflict, match="chief is the last active user with the role Manager"):
        administer(gateway, "chief", work)
    assert gateway.dump() == before
    set_active(gateway, "chief", "boss", True)
    administer(gateway, "chief", work)
    with pytest.raises(Conflict, match="boss is the last active user"):
        take(gateway, "boss", Grant("boss", roles=("Manager",)))


def test_a_manager_twice_over_may_lose_one_of_the_two(gateway: Gateway) -> None:
    give(gateway, "boss", Grant("boss", groups=("Chiefs",)))
    with pytest.raises(Conflict, match="through the group Chiefs"):
        take(gateway, "boss", Grant("boss", roles=("Manager",)))
    take(gateway, "boss", Grant("boss", groups=("Chiefs",)))
    assert roles(gateway, "boss")[:2] == (("Manager",), ())


@pytest.mark.parametrize(
    ("work", "error", "named"),
    [
        (lambda admin: admin.give(Grant("ghost", roles=("Maker",))), NotFound, "'ghost'"),
        (lambda admin: admin.set_active("ghost", False), NotFound, "'ghost'"),
        (lambda admin: admin.give(Grant("anna", roles=("Boss",))), ValidationError, "no role 'Boss'"),
        (lambda admin: admin.give(Grant("anna", roles=("Authenticated",))), ValidationError, "comes by itself"),
        (lambda admin: admin.give(Grant("anna", groups=("Nobodies",))), ValidationError, "no group 'Nobodies'"),
        (lambda admin: admin.give(Grant("anna", local_roles=("Boss",), on=ByPath("/"))), ValidationError, "'Boss'"),
        (lambda admin: admin.give(Grant("anna", local_roles=("Owner",), on=ByPath("/x"))), NotFound, "'/x'"),
        (
            lambda admin: admin.give(Grant("group:X", local_roles=("Owner",), on=ByPath("/"))),
            ValidationError,
            "group 'X'",
        ),
        (lambda admin: admin.give(Grant("group:Makers", roles=("Maker",))), ValidationError, "is a group"),
        (lambda admin: admin.give(Grant("anna")), ValidationError, "Name a role"),
        (lambda admin: admin.give(Grant("anna", local_roles=("Owner",))), ValidationError, "name both"),
        (lambda admin: admin.take(Grant("mia", roles=("Maker",))), Conflict, "through the group Makers"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    unchanged: Gateway, work: Callable[[UserAdministration], object], error: type[ApiError], named: str
) -> None:
    before = unchanged.dump()
    with pytest.raises(error, match=named):
        administer(unchanged, "boss", work)
    assert unchanged.dump() == before


def test_a_role_that_is_no_longer_declared_does_not_keep_others_from_being_changed(gateway: Gateway) -> None:
    gateway.site.transact(
        lambda connection: connection.execute(
            update(users).where(users.c.id == "anna").values(roles='["Gone","Auditor","Lost"]')
        ),
        write=True,
    )
    take(gateway, "boss", Grant("anna", roles=("Gone",)))
    give(gateway, "boss", Grant("anna", roles=("Maker",)))
    assert roles(gateway, "anna")[0] == ("Auditor", "Lost", "Maker")


def test_grants_on_objects_that_the_caller_may_not_view_are_left_out(gateway: Gateway) -> None:
    grant = Grant("carl", local_roles=("Owner",), on=ByPath("/settings"))
    give(gateway, "boss", grant)
    listed = {
        user: gateway.run(user, lambda tx: UserAdministration(tx).local_grants(["carl"])) for user in ("boss", "mia")
    }
    assert [grant.path for grant in listed["boss"]] == ["/Plone/settings"]
    assert listed["mia"] == []
    with pytest.raises(NotFound):
        take(gateway, "mia", grant)


@pytest.mark.parametrize("turn", range(4))
def test_of_two_managers_who_disable_each_other_at_once_one_loses(gateway: Gateway, turn: int) -> None:
    gateway.add_users({"twin": (("Manager",), ())})
    start = threading.Barrier(2)
    results: dict[str, object] = {}

    def authenticate(user: str) -> Callable[[Connection], LoadedUser]:
        def load(connection: Connection) -> LoadedUser:
            loaded = gateway.authenticate(user)(connection)
            if not loaded.active:
                raise Unauthorized("not active")
            return loaded

        return load

    def disable(actor: str, other: str) -> None:
        start.wait()
        try:
            results[actor] = gateway.site.run(
                authenticate(actor), lambda tx: UserAdministration(tx).set_active(other, False), write=True
            )
        except ApiError as error:
            results[actor] = error

    pairs = [("boss", "twin"), ("twin", "boss")]
    threads = [threading.Thread(target=disable, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ENOUGH)
        assert not thread.is_alive()
    (loser,) = [actor for actor, result in results.items() if isinstance(result, ApiError)]
    assert isinstance(results[loser], Unauthorized)
    assert [user for user in ("boss", "twin") if not roles(gateway, user)[2]] == [loser]
