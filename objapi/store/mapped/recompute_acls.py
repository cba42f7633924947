"""Working out again what follows from declarations and is kept beside rows."""

from sqlalchemy import Connection, select, update

from objapi.store.mapped.row_site import RowStore
from objapi.store.mapped.schema import row_states
from objapi.store.permissions.acls import PermissionOverrides, derive, digest_of
from objapi.store.permissions.rights import AclView


def rework_rows(connection: Connection, store: RowStore, book: AclView) -> None:
    """Bring the acls of rows in step with the permissions of the site; a statement for each distinct setting."""
    columns = (row_states.c.portal_type, row_states.c.settings, row_states.c.acl)
    found = connection.execute(select(*columns).distinct()).all()
    known = [row for row in found if row.portal_type in store.names.tables]
    acls = {row.settings: derive(store.site_acl, PermissionOverrides.from_document(row.settings)) for row in known}
    numbers = book.numbers(acls.values())
    for portal_type, settings, old in known:
        number = numbers[digest_of(acls[settings])]
        if number != old:
            same = (row_states.c.portal_type == portal_type, row_states.c.settings == settings, row_states.c.acl == old)
            connection.execute(update(row_states).where(*same).values(acl=number))
