"""The routes of the face: which function answers a URL with which verb, and who may call it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from flask import Response

from objapi.errors import BadRequest, NotFound
from objapi.model.dialects import DialectType
from objapi.model.references import is_uid
from objapi.senaite import site_routes, users
from objapi.senaite.call import SenaiteCall
from objapi.senaite.creating import create
from objapi.senaite.deactivating import delete
from objapi.senaite.reading import list_objects, show_in_batch, show_object
from objapi.senaite.updating import update
from objapi.senaite.urls import SITE_RESOURCE, SITE_UID
from objapi.senaite.vocabulary import Vocabulary
from objapi.store.transaction import Transaction

ROUTE: Final = "/@@API/senaite/v1"
"""The rule under which the application routes whatever is below the face's URL."""

Answer: TypeAlias = Callable[[SenaiteCall, Transaction], Mapping[str, Any]]
OpenAnswer: TypeAlias = Callable[[SenaiteCall], Response]


@dataclass(frozen=True, slots=True)
class Action:
    """The function that answers: in a transaction of a caller with access to the API, or open to everybody."""

    run: Answer | None = None
    run_open: OpenAnswer | None = None
    writes: bool = False
    identifies: bool = True
    """False for an open answer that looks at no credentials: wrong ones must not keep anybody from it."""


@dataclass(frozen=True, slots=True)
class Route:
    """One URL: the actions by verb, and what the URL names."""

    name: str
    """The URL in general, for whoever counts requests."""
    actions: Mapping[str, Action]
    resource: tuple[DialectType, str] | None = None
    key: str | None = None
    overridable: bool = field(default=False)
    """True for the URL of an object, on which a POST stands for another verb by X-HTTP-Method-Override alone."""


def _read(run: Answer) -> Mapping[str, Action]:
    return MappingProxyType({"GET": Action(run)})


def _write(run: Answer) -> Mapping[str, Action]:
    return MappingProxyType({"POST": Action(run, writes=True)})


_OPEN: Final[Mapping[str, Mapping[str, Action]]] = MappingProxyType(
    {
        "version": {"GET": Action(run_open=site_routes.show_version, identifies=False)},
        "auth": {"GET": Action(run_open=users.check_login)},
        "login": {
            "GET": Action(run_open=users.answer_login, identifies=False),
            "POST": Action(run_open=users.answer_login, identifies=False),
        },
        "logout": {
            "GET": Action(run_open=users.answer_logout, identifies=False),
            "POST": Action(run_open=users.answer_logout, identifies=False),
        },
        "current": {"GET": Action(run_open=users.show_current)},
    }
)
_ACTIONS: Final[Mapping[str, Answer]] = MappingProxyType({"create": create, "update": update, "delete": delete})
_PLAIN: Final[Mapping[str, tuple[Answer, Answer | None]]] = MappingProxyType(
    {
        "search": (list_objects, None),
        "users": (users.list_users, users.show_user),
        "catalogs": (site_routes.list_catalogs, site_routes.show_catalog),
        "settings": (site_routes.list_settings, site_routes.list_settings),
        "registry": (site_routes.list_registry, site_routes.list_registry),
        "types": (site_routes.list_types, site_routes.show_type),
    }
)
"""Word → the answer to it, and that to it with a name behind."""
_WITH_KEY: Final[Mapping[str, Answer]] = MappingProxyType(
    {"schema": site_routes.show_schema, "workflow": site_routes.show_workflow}
)
"""DialectWords that a name has to follow."""


@dataclass(frozen=True, slots=True)
class ListedRoute:
    """One verb of a URL of the face, for whoever lists what there is."""

    verb: str
    path: str
    like: tuple[str, ...] = ()
    """Methods of `@@API` whose rights it asks for; none: the right to call it is enough."""
    is_open: bool = False


_LIKE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "create": ("create",),
        "update": ("update", "doActionFor"),
        "delete": ("doActionFor",),
        "search": ("read",),
        "users": ("users",),
        "workflow": ("allowedTransitionsFor",),
    }
)
"""Word → methods of `@@API` that do the same."""


def listed_routes() -> Iterator[ListedRoute]:
    """Every URL of the face with each of its verbs."""
    for word, actions in _OPEN.items():
        path = "users/current" if word == "current" else word
        yield from (ListedRoute(verb, path, is_open=True) for verb in actions)
        if word not in ("version", "current"):
            yield from (ListedRoute(verb, f"users/{word}", is_open=True) for verb in actions)
    for word in _ACTIONS:
        for path in (word, f"{word}/<uid>", f"<type>/{word}", f"<type>/{word}/<uid>"):
            yield ListedRoute("POST", path, _LIKE[word])
    for word, (_, of_one) in _PLAIN.items():
        yield from (
            ListedRoute("GET", path, _LIKE.get(word, ())) for path in (word, *((f"{word}/<name>",) if of_one else ()))
        )
    yield from (ListedRoute("GET", f"{word}/<name>", _LIKE.get(word, ())) for word in _WITH_KEY)
    yield ListedRoute("POST", "push")
    yield ListedRoute("GET", "<type>", _LIKE["search"])
    for path in ("<uid>", "<type>/<uid>"):
        yield ListedRoute("GET", path, _LIKE["search"])
        yield from (ListedRoute(verb, path, _LIKE["update"]) for verb in ("PUT", "PATCH"))
        yield ListedRoute("DELETE", path, _LIKE["delete"])


def find_route(segments: tuple[str, ...], vocabulary: Vocabulary | None) -> Route:
    """The route of what stands behind `v1`. DialectWords of the table win over types. Raises NotFound."""
    if not segments or segments == ("version",):
        return Route("version", _OPEN["version"])
    if vocabulary is None:
        raise NotFound("No profile of this site declares the names of SENAITE, so only version is answered here.")
    word, rest = segments[0], segments[1:]
    found = _of_word(word, rest) or _of_object(word, rest) or _of_resource(word, rest, vocabulary)
    if found is None:
        raise NotFound(f"There is no route {'/'.join(segments)[:100]!r}; a word, a type or a UID is expected.")
    return found


def _of_word(word: str, rest: tuple[str, ...]) -> Route | None:
    name = rest[0] if len(rest) == 1 else None
    if word == "users" and name in ("auth", "login", "logout", "current"):
        return Route(f"users/{name}", _OPEN[name])
    if word in ("auth", "login", "logout") and not rest:
        return Route(word, _OPEN[word])
    if word in _ACTIONS and len(rest) <= 1:
        _require_key(name)
        return Route(word, _write(_ACTIONS[word]), key=name)
    if word == "push" and not rest:
        return Route(word, _write(site_routes.push))
    if word in _PLAIN and len(rest) <= 1:
        of_all, of_one = _PLAIN[word]
        if name is None:
            return Route(word, _read(of_all))
        return None if of_one is None else Route(f"{word}/name", _read(of_one), key=name)
    if word in _WITH_KEY and name is not None:
        return Route(f"{word}/name", _read(_WITH_KEY[word]), key=name)
    return None


def _require_key(name: str | None) -> None:
    if name is not None and not is_key(name):
        raise NotFound(f"{name[:80]!r} is no UID: 32 hexadecimal digits are expected.")


def is_key(text: str) -> bool:
    """True for what stands for an object in a URL: a UID, or 0 for the site."""
    return text == SITE_UID or is_uid(text)


def _of_object(word: str, rest: tuple[str, ...]) -> Route | None:
    if word.lower() == SITE_RESOURCE and rest == (SITE_UID,):
        return Route("type/uid", _on_object(show_in_batch), key=SITE_UID, overridable=True)
    return Route("uid", _on_object(show_object), key=word, overridable=True) if is_key(word) and not rest else None


def _of_resource(word: str, rest: tuple[str, ...], vocabulary: Vocabulary) -> Route | None:
    resource = vocabulary.type_named(word)
    if resource is None or len(rest) > 2:
        return None
    match rest:
        case ():
            return Route("type", _read(list_objects), resource)
        case (name,) if name in _ACTIONS:
            return Route(f"type/{name}", _write(_ACTIONS[name]), resource)
        case (name,) if is_key(name):
            return Route("type/uid", _on_object(show_in_batch), resource, name, overridable=True)
        case (name, key) if name in _ACTIONS:
            _require_key(key)
            return Route(f"type/{name}", _write(_ACTIONS[name]), resource, key)
    return None


def _on_object(show: Answer) -> Mapping[str, Action]:
    """The verbs of the URL of an object."""
    return {
        "GET": Action(show),
        "PUT": Action(update, writes=True),
        "PATCH": Action(update, writes=True),
        "DELETE": Action(delete, writes=True),
    }


def overridden(route: Route, verb: str, override: str | None) -> str:
    """The verb that is meant. Raises BadRequest for a POST on an object that names no other."""
    if verb != "POST" or not route.overridable:
        return verb
    meant = (override or "").strip().upper()
    if meant in ("PUT", "PATCH", "DELETE"):
        return meant
    raise BadRequest("A POST on an object names another verb by X-HTTP-Method-Override, or goes to update or delete.")
