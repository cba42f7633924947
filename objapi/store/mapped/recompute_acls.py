"""Recompute the ACLs of mapped rows after permissions were redeclared."""

from sqlalchemy import Connection, select, update

from objapi.store.mapped.row_site import RowSite
from objapi.store.mapped.schema import row_states
from objapi.store.permissions.acls import PermissionOverrides, derive, digest_of
from objapi.store.permissions.rights import TransactionAcls


def recompute_row_acls(connection: Connection, site: RowSite, acls: TransactionAcls) -> None:
    """Bring the acls of rows in step with the permissions of the site; a statement for each distinct setting."""
    columns = (row_states.c.portal_type, row_states.c.settings, row_states.c.acl)
    found = connection.execute(select(*columns).distinct()).all()
    known = [row for row in found if row.portal_type in site.names.tables]
    derived = {row.settings: derive(site.site_acl, PermissionOverrides.from_document(row.settings)) for row in known}
    numbers = acls.numbers(derived.values())
    for portal_type, settings, old in known:
        number = numbers[digest_of(derived[settings])]
        if number != old:
            same = (row_states.c.portal_type == portal_type, row_states.c.settings == settings, row_states.c.acl == old)
            connection.execute(update(row_states).where(*same).values(acl=number))
