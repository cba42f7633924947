"""Log-ins of persons: made, linked to the objects that stand for them, unlinked, and let in by a one-time link.

Whoever lacks the role Manager does so for persons that they may edit alone, whose log-ins have the local roles of the
declaration and nothing beyond the caller's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select

from objapi.errors import Cause, Conflict, Forbidden, ValidationError
from objapi.security.accounts import Account
from objapi.security.administration import UserAdministration
from objapi.security.password_links import PasswordLink
from objapi.store.reading.persons import Person
from objapi.store.requests import AccessEvent, ByUid, Change, Selector, UpdateItem
from objapi.store.schema import entities, local_roles
from objapi.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class LoginChange:
    """What a change of a log-in has done, or would do."""

    user_id: str
    events: tuple[AccessEvent, ...] = ()
    changes: tuple[Change, ...] = ()
    """Changes of objects."""
    link: PasswordLink | None = None


class PersonLogins:
    """The log-ins of a site's persons, for a holder of the permission `Manage users`."""

    def __init__(self, tx: Transaction, administration: UserAdministration, lifetime: timedelta) -> None:
        self._tx = tx
        self._administration = administration
        self._lifetime = lifetime

    def make(self, account: Account, selector: Selector | None, *, dry_run: bool = False) -> LoginChange:
        """Add a user, linked to a person if one is named, with a one-time link for the password.

        Id, name and address that the account lacks are those of the person. Raises Conflict for an id that is taken
        and a person who has a log-in, ValidationError, NotFound, and Forbidden.
        """
        self._administration.require_no_token()
        person = None if selector is None else self._tx.persons.select(selector)
        self._check_maker(account, person)
        if person is not None:
            account = replace(
                account,
                id=account.id or person.user_id,
                fullname=account.fullname or person.fullname,
                email=account.email or person.email,
            )
        if not account.id:
            raise ValidationError.from_causes([Cause("parameter", "userid", "userid: name the id of the new user.")])
        if not self._administration.is_manager:
            self._require_no_person_of_tables(account)
        added = self._administration.add_pending(account, dry_run=dry_run)
        linked = LoginChange(account.id) if person is None else self._link(person, account, dry_run=dry_run)
        link = None if dry_run else self._administration.issue_link(account.id, self._lifetime)
        return replace(linked, events=(added, *linked.events), link=link)

    def link(self, user_id: str, selector: Selector, *, dry_run: bool = False) -> LoginChange:
        """Link a user to a person, and give the local roles of the declaration; nothing if they are linked already.

        Raises NotFound, Conflict when either has another link, and Forbidden.
        """
        person, account = self._tx.persons.select(selector), self._administration.account(user_id)
        self._require_editable(person)
        if not self._administration.is_manager:
            if account.id == self._tx.user.user_id:
                raise Forbidden("You may not link your own log-in; ask a Manager.")
            linked = [person] if person.user_id == account.id else []
            self._require_nothing_more(account, f"link {user_id}, who has", linked)
        return self._link(person, account, dry_run=dry_run)

    def unlink(self, selector: Selector, user_id: str | None = None, *, dry_run: bool = False) -> LoginChange:
        """End the link of a person, and with it the local roles; nothing if there is none.

        Raises NotFound, Forbidden, and Conflict when the person has another log-in than `user_id`.
        """
        person = self._tx.persons.select(selector)
        self._require_editable(person)
        if user_id is not None and person.user_id != user_id:
            has = f"has the log-in {person.user_id}" if person.user_id else "has no log-in"
            raise Conflict(f"{person.path} {has}, not {user_id}.")
        if not person.user_id:
            return LoginChange("")
        changes = self._write(person, "", dry_run=dry_run)
        event = self._record("unlink", person.user_id, person.path, None, dry_run=dry_run)
        return LoginChange(person.user_id, (event,), changes)

    def issue_link(self, user_id: str | None, selector: Selector | None, *, dry_run: bool = False) -> LoginChange:
        """Make a one-time link for the password of a user, or of the user who logs in as a person.

        Raises NotFound, Conflict for a person without a log-in and for a disabled user, and Forbidden.
        """
        self._administration.require_no_token()
        person = None if selector is None else self._tx.persons.select(selector)
        wanted = user_id or (person.user_id if person is not None else "")
        if person is not None and (not person.user_id or person.user_id != wanted):
            raise Conflict(f"{person.path} has {'another' if person.user_id else 'no'} log-in; make or link one first.")
        account = self._administration.account(wanted)
        if not self._administration.is_manager:
            self._require_person_of(account)
        link = None if dry_run else self._administration.issue_link(account.id, self._lifetime)
        return LoginChange(account.id, link=link)

    # Inside

    def _link(self, person: Person, account: Account, *, dry_run: bool) -> LoginChange:
        if person.out_of_use is not None:
            raise Conflict(f"{person.path} is out of use: {person.out_of_use}.")
        known = {known.id for known in self._administration.accounts()}
        if person.user_id and person.user_id != account.id and person.user_id in known:
            raise Conflict(f"{person.path} has the log-in {person.user_id}; unlink that one first.")
        others = [other.path for other in self._tx.persons.of_user(account.id) if other.uid != person.uid]
        if others:
            raise Conflict(f"{account.id} is the log-in of {', '.join(others)}; unlink it there first.")
        changes = self._write(person, account.id, dry_run=dry_run) if person.user_id != account.id else ()
        roles = person.login.local_roles
        granted = self._administration.give_declared(account.id, person.container, roles, dry_run=dry_run)
        if not changes and not granted:
            return LoginChange(account.id)
        event = self._record("link", account.id, None, person.path, dry_run=dry_run)
        return LoginChange(account.id, (event, *granted), changes)

    def _write(self, person: Person, user_id: str, *, dry_run: bool) -> tuple[Change, ...]:
        """Write the user's id onto the object; its right to be written there is asked as with any other field."""
        item = UpdateItem(ByUid(person.uid), {person.login.field: user_id})
        return self._tx.update([item], dry_run=dry_run).plan.changes

    def _record(self, event: str, user_id: str, old: str | None, new: str | None, *, dry_run: bool) -> AccessEvent:
        changes: Mapping[str, tuple[object, object]] = {"person": (old, new)}
        return self._administration.record(event, user_id, changes, dry_run=dry_run)

    # Who may

    def _check_maker(self, account: Account, person: Person | None) -> None:
        if person is not None:
            self._require_editable(person)
        if self._administration.is_manager:
            return
        if person is None:
            raise Forbidden("You may make log-ins of contacts alone: name one by obj_path. A Manager makes others.")
        if account.roles or account.groups:
            raise Forbidden(f"The log-in of {person.path} gets its local roles and no others; a Manager gives more.")

    def _require_editable(self, person: Person) -> None:
        if not self._administration.is_manager and not person.may_edit:
            raise Forbidden(f"You may not edit {person.path}, nor its log-in.")

    def _require_person_of(self, account: Account) -> None:
        """Raise Forbidden unless the account is the log-in of persons whom the caller may edit, and has no more."""
        persons = self._tx.persons.of_user(account.id)
        if not persons:
            raise Forbidden(f"{account.id} is not the log-in of a contact: a Manager makes the link.")
        for person in persons:
            self._require_editable(person)
        # Who could log in as a colleague could verify what that colleague has entered.
        if self._administration.roles_at_root(account) & self._tx.registry.roles.staff_roles:
            raise Forbidden(f"{account.id} is of the staff: a Manager makes the link.")
        self._require_nothing_more(account, f"make a link for the password of {account.id}, who has", persons)

    def _require_no_person_of_tables(self, account: Account) -> None:
        """Raise Forbidden for an account by whose id another database knows a person."""
        if self._tx.knows_in_tables(account.id):
            raise Forbidden(f"{account.id} is somebody in another database, whose rows would be shown; ask a Manager.")

    def _require_nothing_more(self, account: Account, action: str, persons: Sequence[Person] = ()) -> None:
        """Raise Forbidden for roles beyond the caller's own, but those that the account has by its persons.

        Likewise for rows of another database, which its id alone shows.
        """
        self._require_no_person_of_tables(account)
        scoped = self._tx.registry.roles.scoped_roles
        self._administration.require_within(self._administration.roles_at_root(account) - scoped, action)
        declared = {(person.container.rid, role) for person in persons for role in person.login.local_roles}
        principals = self._administration.principals_of(account.id)
        objects = local_roles.join(entities, entities.c.rid == local_roles.c.scope)
        columns = (local_roles.c.scope.label("rid"), local_roles.c.role, entities.c.acl, entities.c.scope)
        granted = select(*columns).select_from(objects).where(local_roles.c.principal.in_(principals))
        for row in self._tx.connection.execute(granted):
            if (row.rid, row.role) not in declared:
                own = self._tx.roles_on(row.acl, row.scope)
                self._administration.require_within([row.role], f"{action} on an object", own)
