"""Taking back what a request changed of who may do what: roles, groups and local roles, names, who is let in.

The rules are those of the administration of users, and what is there now has to be what the request has left. Users
stay, and so do passwords, tokens and second factors: who takes these back would let somebody in, or lock somebody out,
by what may be known to others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import delete, tuple_

from catalog.dialect import insert_ignore
from objapi.errors import ApiError, Forbidden
from objapi.security.administration import Grant, UserAdministration
from objapi.security.user_history import user_path
from objapi.store.records import chunks
from objapi.store.requests import USERS, AccessEvent, ByUid, GrantTarget
from objapi.store.schema import local_roles
from objapi.store.transaction import Transaction
from objapi.store.writing.past_requests import PastEntry
from objapi.store.writing.undoing import access_refusal, unknown_request
from objapi.store.writing.withdrawn_roles import held_roles

UNDONE: Final = frozenset({"grant", "revoke", "change", "enable", "disable", "link", "unlink"})
"""The events that are taken back."""
NEVER: Final[Mapping[str, str]] = {
    "create": "a user is not unmade; lock the user out by users?action=disable",
    "permissions": "an upgrade brought the permissions of the profiles; change them in a profile, then upgrade",
    "password": "a password is never undone; have the user set another, by users?action=password_link",
    "password_link": "a link that was handed out stays so; another one, users?action=password_link, ends it",
    "second_factor": "second factors are set up by their users, and taken away by users?action=reset_second_factor",
    "recovery_codes": "recovery codes are made anew by their user, on the page of the second factor",
    "sign_on_link": "the log-in by a provider is ended by users?action=unlink_sign_on",
    "sign_on_unlink": "the log-in by a provider is linked again by users?action=link_sign_on",
    "token_add": "a token is ended by tokens?action=revoke",
    "token_revoke": "a token that is revoked stays so; make another by tokens?action=add",
    "webhook_add": "a webhook is ended by webhooks?action=remove",
    "webhook_remove": "add the webhook anew by webhooks?action=add",
    "webhook_replay": "what was sent cannot be taken back",
    "webhook_stop": "the gateway stopped the webhook; webhooks?action=replay starts it again",
    "log_in_failed": "nothing was changed by it",
}
"""Event → why it is not taken back, and what to do instead."""
_OF_ACCOUNT: Final = ("roles", "groups", "fullname", "email", "active")


@dataclass(slots=True)
class _Changed:
    """What a request changed of one user."""

    uid: str
    path: str
    values: dict[str, tuple[object, object]] = field(default_factory=dict)
    """Name → the value before the request, and the one that it left."""

    def add(self, changes: Mapping[str, Sequence[object]]) -> None:
        """Add an earlier change of the request."""
        for name, (old, new) in changes.items():
            self.values[name] = (old, self.values[name][1] if name in self.values else new)


@dataclass(frozen=True, slots=True)
class _Local:
    """Local roles of one user or group on one object: before the request, and as it left them."""

    uid: str
    path: str
    principal: str
    before: frozenset[str]
    left: frozenset[str]


class AccessUndoing:
    """Takes back what the request `name` changed of users and roles, for who undoes it."""

    def __init__(self, tx: Transaction, name: str, entries: Sequence[PastEntry]) -> None:
        self._tx = tx
        self._name = name
        self._entries = entries
        self._forbidden: Forbidden | None = None
        try:
            # Locks all users, before any object is.
            UserAdministration(tx)
        except Forbidden as error:
            self._forbidden = error

    def refused(self) -> Mapping[str, Sequence[ApiError]]:
        """UID that entries name → why what the request did is not taken back. Changes nothing.

        Raises NotFound for a request about users, where the caller does not see these.
        """
        if self._forbidden is not None:
            if any(USERS in entry.path for entry in self._entries):
                raise unknown_request(self._name)
            return {entry.uid: [self._forbidden] for entry in self._entries}
        errors: defaultdict[str, list[ApiError]] = defaultdict(list)
        for entry in self._entries:
            if entry.change.event not in UNDONE:
                reason = NEVER.get(entry.change.event, "it is changed by the methods users, grants and tokens")
                message = f"{entry.path}: {reason} ({entry.change.event})."
                errors[entry.uid].append(access_refusal(entry.path, message))
        if not errors:
            administration = UserAdministration(self._tx)
            for changed in self._of_users():
                try:
                    self._put_user_back(administration, changed, dry_run=True)
                except ApiError as error:
                    errors[changed.uid].append(error)
            for uid, refusal in self._refused_local(administration):
                errors[uid].append(refusal)
        return errors

    def take_back(self, *, dry_run: bool) -> Sequence[AccessEvent]:
        """Do it, or tell what would be done."""
        administration = UserAdministration(self._tx)
        events: list[AccessEvent] = []
        for changed in self._of_users():
            events += self._put_user_back(administration, changed, dry_run=dry_run)
        return [*events, *self._put_local_back(administration, dry_run=dry_run)]

    # Users

    def _of_users(self) -> list[_Changed]:
        found: dict[str, _Changed] = {}
        for entry in self._entries:
            if USERS in entry.path:
                found.setdefault(entry.uid, _Changed(entry.uid, entry.path)).add(entry.change.changes)
        return list(found.values())

    def _put_user_back(
        self, administration: UserAdministration, changed: _Changed, *, dry_run: bool
    ) -> Iterable[AccessEvent]:
        """Raises Conflict for a user who is not as the request has left it, and as the administration does."""
        user_id = changed.path.removeprefix(user_path(self._tx.site_id, ""))
        account, values = administration.account(user_id), changed.values
        for name in _OF_ACCOUNT:
            if name in values and not _same(getattr(account, name), values[name][1]):
                raise _changed_since(changed.path, f"{name} of {user_id}", getattr(account, name), values[name][1])
        events: list[AccessEvent] = []
        named = {name: str(values[name][0] or "") for name in ("fullname", "email") if name in values}
        if named:
            events += administration.change(user_id, **named, dry_run=dry_run)
        if "active" in values:
            events += administration.set_active(user_id, bool(values["active"][0]), dry_run=dry_run)
        for give in (True, False):
            roles, groups = (_more(values.get(name), given=not give) for name in ("roles", "groups"))
            if roles or groups:
                work = administration.give if give else administration.take
                events += work(Grant(user_id, roles, groups), dry_run=dry_run)
        if "person" in values:
            # The link itself is a field of the person, and goes back with it.
            events.append(self._linked(administration, user_id, *values["person"], dry_run=dry_run))
        return events

    def _linked(
        self, administration: UserAdministration, user_id: str, before: object, left: object, *, dry_run: bool
    ) -> AccessEvent:
        if not administration.is_manager:
            raise Forbidden(f"Links of log-ins are taken back by a Manager: ask one, or use users for {user_id}.")
        event = "link" if before else "unlink"
        return administration.record(event, user_id, {"person": (left, before)}, dry_run=dry_run)

    # Roles on objects

    def _local(self) -> list[_Local]:
        found: dict[tuple[str, str], tuple[str, frozenset[str], frozenset[str]]] = {}
        for entry in self._entries:
            before, left = entry.change.changes.get("local_roles", ({}, {}))
            if isinstance(before, dict) and isinstance(left, dict):
                for principal in {**before, **left}:
                    place = (entry.uid, principal)
                    last = found[place][2] if place in found else frozenset(left.get(principal, ()))
                    found[place] = (entry.path, frozenset(before.get(principal, ())), last)
        return [_Local(uid, path, principal, old, new) for (uid, principal), (path, old, new) in found.items()]

    def _refused_local(self, administration: UserAdministration) -> Iterator[tuple[str, ApiError]]:
        """Why local roles are not put back: they were changed since, or are beyond the caller's own."""
        local = self._local()
        targets = self._targets(local)
        held = self._held(local, targets)
        for item in local:
            target = targets[item.uid]
            if isinstance(target, ApiError):
                yield item.uid, access_refusal(item.path, f"{item.path} is not there any more.")
                continue
            there = held.get((target.rid, item.principal), set())
            if there != item.left:
                subject = f"the roles of {item.principal} on {item.path}"
                yield item.uid, _changed_since(item.path, subject, there, item.left)
                continue
            try:
                action = f"put back on {item.path}"
                administration.require_within(sorted(item.before ^ item.left), action, target.roles)
            except ApiError as error:
                yield item.uid, error

    def _put_local_back(self, administration: UserAdministration, *, dry_run: bool) -> list[AccessEvent]:
        """Write all of them by two statements; what has gone with a log-in that was unlinked stays as it is."""
        local = self._local()
        targets = {uid: found for uid, found in self._targets(local).items() if isinstance(found, GrantTarget)}
        held = self._held(local, targets)
        given: list[dict[str, object]] = []
        taken: list[tuple[int, str, str]] = []
        events: list[AccessEvent] = []
        for item in local:
            target = targets[item.uid]
            there = held.get((target.rid, item.principal), set())
            if there == item.before:
                continue
            new = item.before - there
            given += [{"scope": target.rid, "principal": item.principal, "role": role} for role in sorted(new)]
            taken += [(target.rid, item.principal, role) for role in sorted(there - item.before)]
            changes = {"local_roles": ({item.principal: sorted(there)}, {item.principal: sorted(item.before)})}
            kind = "grant" if new else "revoke"
            events.append(AccessEvent(kind, target.rid, target.uid, target.path, target.portal_type, changes))
        if dry_run:
            return events
        connection = self._tx.connection
        for rid in dict.fromkeys(int(str(row["scope"])) for row in given):
            self._tx.make_scope(rid)
        if given:
            insert_ignore(connection, local_roles, given)
            administration.void_links_of_others(dict.fromkeys(str(row["principal"]) for row in given))
        columns = tuple_(local_roles.c.scope, local_roles.c.principal, local_roles.c.role)
        for chunk in chunks(taken):
            connection.execute(delete(local_roles).where(columns.in_(chunk)))
        for event in events:
            self._tx.record(event)
        return events

    def _targets(self, local: Sequence[_Local]) -> Mapping[str, GrantTarget | ApiError]:
        uids = list(dict.fromkeys(item.uid for item in local))
        return dict(zip(uids, self._tx.grant_targets([ByUid(uid) for uid in uids]), strict=True)) if uids else {}

    def _held(
        self, local: Sequence[_Local], targets: Mapping[str, GrantTarget | ApiError]
    ) -> Mapping[tuple[int, str], set[str]]:
        """(Row number of an object, principal) → the roles that it has there now."""
        holders = [
            (target.rid, item.principal) for item in local if isinstance(target := targets.get(item.uid), GrantTarget)
        ]
        return held_roles(self._tx.connection, holders)


def _more(values: tuple[object, object] | None, *, given: bool) -> tuple[str, ...]:
    """The names that a request gave, or those that it took."""
    before, left = (item if isinstance(item, list | tuple) else () for item in values or ((), ()))
    more, less = (left, before) if given else (before, left)
    return tuple(str(name) for name in more if name not in less)


def _same(there: object, left: object) -> bool:
    if isinstance(left, list) and isinstance(there, tuple):
        return set(there) == set(left)
    return there == left


def _changed_since(path: str, subject: str, there: object, left: object) -> ApiError:
    shown = [
        ", ".join(sorted(value)) if isinstance(value, list | tuple | set | frozenset) else value
        for value in (there, left)
    ]
    message = (
        f"{path}: {subject} changed since: {shown[0] or 'none'} now, {shown[1] or 'none'} after the request. "
        "Change them by the methods users and grants."
    )
    return access_refusal(path, message)
