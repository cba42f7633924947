"""Behaviours of the ISPyB types: the default for time stamps, and the person that a caller is."""

from typing import Final

from objapi.model.behaviors import Behaviors, Entity, Planner, RowReader
from objapi.model.principal import Principal, RowViewer, TokenClaims
from objapi.model.safe_names import unsafe_name
from objapi.profiles.ispyb.beamline_groups import OPTION, beamline_groups, option_value

ALL_PROPOSALS: Final = "all_proposals"
"""The ISPyB permission to see every row."""

_PERMISSIONS_OF: Final = (
    "back(UserGroup_has_Permission.Permission).UserGroup.back(UserGroup_has_Person.UserGroup).Person"
)

behaviors = Behaviors()


@behaviors.add("default", "now_in_seconds")
def now_in_seconds(planner: Planner, entity: Entity) -> object:
    """The instant of the request, without fractions, which the columns for times do not hold."""
    return planner.now.replace(microsecond=0)


@behaviors.add("check", "ispyb_safe_name")
def safe_name(planner: Planner, entity: Entity, field: str, value: object) -> str | None:
    """A name that becomes a directory, and part of file names, at the beamline."""
    problem = unsafe_name(str(value)) if value else None
    return None if problem is None else f"{field}: {problem}"


@behaviors.add("row_viewer", "ispyb_person")
def ispyb_person(rows: RowReader, principal: Principal) -> RowViewer:
    """The person whom a token names, else the first one of exactly the user's login, with today's permissions."""
    claims = principal.claims or _claims_of(rows, principal.user_id)
    if claims is None:
        return RowViewer()
    if ALL_PROPOSALS in claims.permissions:
        return RowViewer(claims.key, sees_all=True)
    return RowViewer(claims.key, _opened(rows, claims.permissions) if claims.permissions else frozenset())


def _claims_of(rows: RowReader, login: str) -> TokenClaims | None:
    keys = rows.values("Person", "id", "login", login)
    if not keys:
        return None
    # MariaDB compares without regard to case, accents and spaces at the end; a gateway user Smith is not smith.
    logins = rows.values("Person", "login", "login", login)
    key = next((key for key, known in zip(keys, logins, strict=True) if known == login), None)
    if key is None:
        return None
    return TokenClaims(int(key), frozenset(rows.values("Permission", "type", _PERMISSIONS_OF, key)))


def _opened(rows: RowReader, permissions: frozenset[str]) -> frozenset[str]:
    """The beamlines whose sessions some permissions open. Of several rows of the option the last one counts."""
    stored = [value for value in rows.values("AdminVar", "value", "name", OPTION) if value is not None]
    groups = beamline_groups(option_value(stored[-1])) if stored else ()
    return frozenset(name for group in groups if group.permission in permissions for name in group.beamlines)
