"""Routes about the site: `version`, `catalogs`, `settings`, `registry`, `types`, `schema`, `workflow`, `push`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response

from objapi.errors import BadRequest, NotFound
from objapi.model.dialects import CriterionKind, DialectCatalog, DialectType
from objapi.model.types import Field, Kind
from objapi.security.administration import MANAGE_USERS
from objapi.senaite import VERSION
from objapi.senaite.call import SenaiteCall
from objapi.senaite.reading import batch
from objapi.senaite.responses import success
from objapi.senaite.searching import DEFAULT_LIMIT
from objapi.store.requests import ByPath, ByUid
from objapi.store.transaction import Transaction

_SETTINGS: Final = ("mail", "language", "dateandtime", "usergroups", "maintenance")


def show_version(call: SenaiteCall) -> Response:
    """The version of the interface, for everybody."""
    now = datetime.now(UTC).astimezone(call.site.settings.timezone)
    answer = {
        "url": call.urls.api("version"),
        "version": VERSION,
        "date": now.isoformat(timespec="seconds"),
    }
    return success(call.exchange, answer)


# Catalogs


def list_catalogs(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """The catalogs with their indexes, columns and types."""
    vocabulary = call.vocabulary
    items = [_catalog(call, vocabulary.dialect.catalogs[name]) for name in vocabulary.catalog_names()]
    return {**batch(call, items, len(items), 0, max(len(items), DEFAULT_LIMIT)), "url": call.url}


def show_catalog(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """One catalog."""
    return _catalog(call, call.vocabulary.catalog(call.key or ""))


def _catalog(call: SenaiteCall, catalog: DialectCatalog) -> dict[str, Any]:
    vocabulary = call.vocabulary
    declared = vocabulary.registry.catalogs[catalog.catalog]
    theirs = {name for name, source in catalog.indexes.items() if source.kind is not CriterionKind.ABSENT}
    meant = {source.index for source in catalog.indexes.values()}
    own = {name for name in declared.schema.indexes if name not in meant | declared.hidden | catalog.indexes.keys()}
    return {
        "id": catalog.name,
        "indexes": sorted(theirs | own),
        "schema": sorted(catalog.columns),
        "portal_types": sorted(vocabulary.dialect.types[name].names[0] for name in vocabulary.types_in(catalog)),
    }


# Settings


def list_settings(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """The few settings that the gateway has of a site's, for managers."""
    tx.require_on_site(MANAGE_USERS)
    settings = call.site.settings
    found: dict[str, dict[str, Any]] = {
        "mail": {},
        "language": {"available_languages": ["en"], "default_language": "en"},
        "dateandtime": {"portal_timezone": str(settings.timezone)},
        "usergroups": {},
        "maintenance": {},
    }
    names = _SETTINGS if call.key is None else tuple(name for name in _SETTINGS if name == call.key)
    items = [
        {name: {f"objapi.{name}": found[name]}, "api_url": call.urls.api("settings", name)}
        for name in names
        if found[name]
    ]
    return {**batch(call, items, len(items), 0, DEFAULT_LIMIT), "url": call.url}


def list_registry(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """Names and values of the site as one object; those alone whose name contains a word, where the URL has one."""
    tx.require_on_site(MANAGE_USERS)
    settings = call.site.settings
    values = {
        "plone.site_title": settings.site_title,
        "plone.portal_timezone": str(settings.timezone),
        "plone.default_language": "en",
    }
    word = (call.key or "").lower()
    items = [{name: value for name, value in values.items() if word in name.lower()}]
    return {**batch(call, items, 1, 0, DEFAULT_LIMIT), "url": call.url}


# Types and workflows


def list_types(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """The types; with `parent_uid` or `parent_path` those that the caller may create there."""
    types = list(call.vocabulary.dialect.types.values())
    uid, path = call.sent.text("parent_uid"), call.sent.text("parent_path")
    if uid is not None or path is not None:
        selector = call.by_uid(uid) if uid is not None else ByPath(call.path(path or ""))
        container = call.record_of(tx, selector)
        target = ByUid(container.uid)
        types = [
            item
            for item in types
            if container.portal_type in call.vocabulary.entity_type(item.portal_type).containers
            and tx.may(target, call.vocabulary.entity_type(item.portal_type).add_permission)
        ]
    items = [_type(call, item) for item in types]
    return {**batch(call, items, len(items), 0, max(len(items), DEFAULT_LIMIT)), "url": call.url}


def show_type(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """One type."""
    return _type(call, _known(call))


def _known(call: SenaiteCall) -> DialectType:
    found = call.vocabulary.type_named(call.key or "")
    if found is None:
        raise NotFound(f"There is no type {(call.key or '')[:80]!r}; the route types lists all.")
    return found[0]


def _type(call: SenaiteCall, known: DialectType) -> dict[str, Any]:
    declared = call.vocabulary.entity_type(known.portal_type)
    allowed = (call.vocabulary.shown_type(name, {}) for name in declared.containers)
    return {
        "portal_type": known.names[0],
        "title": declared.title,
        "description": declared.about,
        "allowed_in": sorted(allowed),
    }


def show_schema(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """The fields of a type, under their SENAITE names."""
    known = _known(call)
    vocabulary, declared = call.vocabulary, call.vocabulary.entity_type(known.portal_type)
    fields = [
        _field(call, plan.name, declared.fields[plan.field], plan.kind) for plan in vocabulary.plans(known.portal_type)
    ]
    seen = {field["name"] for field in fields}
    for name, written in known.written.items():
        field = declared.create_parameters.get(written.to) or declared.fields.get(written.to)
        if field is not None and name not in seen:
            fields.append(_field(call, name, field, field.kind))
    return {"portal_type": known.names[0], "count": len(fields), "fields": fields}


def _field(call: SenaiteCall, name: str, field: Field, kind: Kind) -> dict[str, Any]:
    return {
        "name": name,
        "title": field.title or name,
        "type": kind.value,
        "required": field.required,
        "readonly": field.system or field.path is not None or field.compute is not None,
        "multi_valued": field.multi or kind in (Kind.LINES, Kind.RECORDS),
        "allowed_types": sorted(call.vocabulary.shown_type(target, {}) for target in field.targets),
        "vocabulary": [{"value": value, "title": title} for value, title in field.vocabulary.items()],
    }


def show_workflow(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """What the caller may do with an object now."""
    record = call.record_of(tx, call.by_uid(call.key or ""))
    shown = call.vocabulary.dialect.shown_transitions
    (offered,) = tx.offered([ByUid(record.uid)])
    return {
        "uid": record.uid,
        "portal_type": call.vocabulary.shown_type(record.portal_type, {}),
        "review_state": tx.records.folded_state(record),
        "transitions": [{"id": shown.get(name, name), "title": title} for name, title in offered.transitions],
    }


# Consumers


def push(call: SenaiteCall, tx: Transaction) -> Mapping[str, Any]:
    """Give data to a consumer of a profile. Raises BadRequest without a name, NotFound for one that there is not."""
    name = call.sent.text("consumer")
    if name is None:
        raise BadRequest.of_parameter("consumer", "consumer: the name of a consumer is expected.")
    data = {key: value for key, value in call.sent.values.items() if key != "consumer"}
    return {"url": call.url, "success": tx.consume(name, data)}
