"""Permissions of the site's root, from which all objects inherit: what an upgrade changes of them is recorded."""

from datetime import datetime

from sqlalchemy import Connection, select

from objapi.model.principal import system_principal
from objapi.store.context import Recorder
from objapi.store.permissions.acls import Acl
from objapi.store.records import to_micros
from objapi.store.requests import COMMAND_LINE, AccessEvent
from objapi.store.schema import acls, entities

_OF_ROOT = (
    select(entities.c.rid, entities.c.uid, entities.c.path, entities.c.portal_type, acls.c.document)
    .join(acls, acls.c.id == entities.c.acl)
    .where(entities.c.parent.is_(None))
)


def root_acl_in(connection: Connection) -> Acl:
    """The acl of the root as it is stored; an empty one where there is no root."""
    found = connection.execute(_OF_ROOT).first()
    return Acl({}) if found is None else Acl.from_document(found.document)


def record_permissions(connection: Connection, site_id: str, before: Acl, now: datetime) -> None:
    """Store as a request which roles hold which permissions on the root since the upgrade, and held before."""
    root = connection.execute(_OF_ROOT).one()
    after = Acl.from_document(root.document)
    changes: dict[str, tuple[object, object]] = {
        name: (sorted(before.roles_with(name)), sorted(after.roles_with(name)))
        for name in sorted(before.permissions.keys() | after.permissions.keys())
        if before.roles_with(name) != after.roles_with(name)
    }
    if changes:
        recorder = Recorder(site_id, to_micros(now), system_principal().user_id, COMMAND_LINE)
        recorder.note(AccessEvent("permissions", root.rid, root.uid, root.path, root.portal_type, changes))
        recorder.store(connection)
