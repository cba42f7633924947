"""Who holds which permission, worked out without a database."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.principal import ANONYMOUS, Principal, system_principal
from objapi.store.permissions.acls import Acl, AclCache, PermissionOverrides, derive, digest_of, holds
from objapi.store.permissions.rights import Rights
from workflows import PermissionSetting

ROOT = Acl({"View": frozenset({"Manager", "Clerk"}), "Edit": frozenset({"Manager"})})


def roles(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (PermissionSetting(True, ("Owner",)), {"Manager", "Clerk", "Owner"}),
        (PermissionSetting(False, ("Owner",)), {"Owner"}),
        (PermissionSetting(False, ()), set()),
        (PermissionSetting(True, ()), {"Manager", "Clerk"}),
    ],
)
def test_a_setting_adds_to_what_it_acquires_or_replaces_it(setting: PermissionSetting, expected: set[str]) -> None:
    assert derive(ROOT, PermissionOverrides({"View": setting})).roles_with("View") == expected


def test_what_nobody_declared_belongs_to_manager() -> None:
    assert ROOT.roles_with("Fly") == {"Manager"}
    fly = PermissionOverrides({"Fly": PermissionSetting(True, ("Bird",))})
    assert derive(ROOT, fly).roles_with("Fly") == {"Manager", "Bird"}


def test_roles_of_groups_add_up_on_the_way_down() -> None:
    above = derive(ROOT, PermissionOverrides(groups={"Crew": roles("Clerk")}))
    below = derive(above, PermissionOverrides(groups={"Crew": roles("Owner"), "Guests": roles()}))
    assert below.groups == {"Crew": roles("Clerk", "Owner")}


names = st.sampled_from("abcde")
role_sets = st.frozensets(st.sampled_from(["Manager", "Clerk", "Owner", "Anonymous"]))


@given(st.dictionaries(names, role_sets), st.dictionaries(names, role_sets.filter(bool)))
def test_an_acl_survives_its_document(
    permissions: Mapping[str, frozenset[str]], groups: Mapping[str, frozenset[str]]
) -> None:
    acl = Acl(permissions, groups)
    assert Acl.from_document(acl.document()) == acl
    again = Acl(dict(reversed(permissions.items())), dict(reversed(groups.items())))
    assert digest_of(again) == digest_of(acl)


@given(
    st.dictionaries(names, st.builds(PermissionSetting, st.booleans(), st.lists(st.text(max_size=3)).map(tuple))),
    st.dictionaries(names, role_sets.filter(bool)),
)
def test_settings_survive_their_document(
    permissions: Mapping[str, PermissionSetting], groups: Mapping[str, frozenset[str]]
) -> None:
    settings = PermissionOverrides(permissions, groups)
    assert PermissionOverrides.from_document(settings.document()) == settings


@pytest.mark.parametrize(
    ("wanted", "held", "groups", "expected"),
    [
        ({"Clerk"}, {"Clerk"}, {}, True),
        ({"Clerk"}, {"Guest"}, {}, False),
        ({"Anonymous"}, set(), {}, True),
        (set(), {"Clerk", "Manager"}, {}, False),
        ({"Clerk"}, {"Guest"}, {"Crew": roles("Clerk")}, True),
        ({"Clerk"}, {"Guest"}, {"Others": roles("Clerk")}, False),
    ],
)
def test_who_holds_a_permission(
    wanted: set[str], held: set[str], groups: Mapping[str, frozenset[str]], expected: bool
) -> None:
    assert holds(Acl({"View": frozenset(wanted)}, groups), "View", frozenset(held), roles("Crew")) is expected


class Book(AclCache):
    """Acls by number, without a database."""

    def __init__(self, *known: Acl) -> None:
        super().__init__()
        for number, acl in enumerate(known, start=1):
            self._learn(number, digest_of(acl), acl)


CLIENTS = Acl({"View": roles("Client"), "Edit": roles("Owner")})
STAFF = Acl({"View": roles("Clerk"), "Edit": roles("Clerk")})
CREW = Acl({"View": roles("Boss")}, {"Crew": roles("Boss")})
PUBLIC = Acl({"View": roles("Anonymous")})
NOBODY = Acl({"View": roles()})
BOOK = Book(CLIENTS, STAFF, CREW, PUBLIC, NOBODY)


def rights(principal: Principal) -> Rights:
    return Rights(principal, BOOK, roles("Client"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("principal", "everywhere", "scoped"),
    [
        (Principal("a", roles=roles("Clerk")), {2, 4}, ()),
        (Principal("a", roles=roles("Client")), {4}, ()),
        (
            Principal("a", roles=roles("Client"), local={7: roles("Owner"), 9: roles("Owner")}),
            {4},
            (((7, 9), frozenset({1})),),
        ),
        (Principal("a", roles=roles("Client"), local={7: roles("Clerk")}), {4}, (((7,), frozenset({1, 2})),)),
        (Principal("a", groups=roles("Crew")), {3, 4}, ()),
        (Principal("a", local={7: roles("Guest")}), {4}, ()),
        (ANONYMOUS, {4}, ()),
    ],
)
def test_where_a_user_may_view(principal: Principal, everywhere: set[int], scoped: object) -> None:
    found = rights(principal).acls_with("View")
    assert found == (frozenset(everywhere), scoped)
    for number in range(1, 6):
        for scope in (7, 9, 11):
            expected = number in everywhere or any(
                scope in scopes and number in numbers for scopes, numbers in found[1]
            )
            assert rights(principal).may("View", BOOK[number], scope) is expected


def test_the_gateway_itself_may_do_everything() -> None:
    assert rights(system_principal()).may("View", NOBODY, 1)
    assert rights(system_principal()).sees_all("View")
    assert not rights(Principal("a", roles=roles("Clerk"))).sees_all("View")


def test_roles_on_an_object_count_scope_and_groups() -> None:
    client = rights(Principal("a", roles=roles("Client", "Guest"), groups=roles("Crew"), local={7: roles("Owner")}))
    assert client.roles_on(CREW, 7) == {"Client", "Guest", "Owner", "Boss"}
    assert client.roles_on(STAFF, 8) == {"Guest"}
