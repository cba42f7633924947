"""Delivery of one hook: the next changes that its owner may see, as one message, and what came of sending it.

Reading and noting are short transactions of their own; the message is sent between them. What was sent and not noted,
because the process ended, is sent again: a message comes at least once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import orjson
from sqlalchemy import Connection

from objapi.errors import NoApiAccess
from objapi.security.principals import LoadedUser, load_by_login
from objapi.security.user_history import user_event
from objapi.site import Site
from objapi.store.context import Recorder
from objapi.store.records import to_micros
from objapi.store.requests import COMMAND_LINE
from objapi.store.trail.changes import Changes, ChangesWanted, Place
from objapi.store.transaction import Transaction
from objapi.webhooks.destinations import DestinationRefused, read_destination
from objapi.webhooks.sending import GONE, Message, SendOutcome, send
from objapi.webhooks.stored import Webhook, replace_webhook, webhook_key

CHANGES_A_MESSAGE: Final = 100
_PASSED: Final = 500
"""Requests of which nothing is sent after which the place of a hook is noted all the same."""
_ACTOR: Final = "webhook delivery"
"""Who stops a hook, in the history; no user has a blank in the name."""
_log = logging.getLogger("objapi.webhooks")


class OwnerOut(Exception):
    """The owner of a hook is no user any more, or out of use; the text says which."""


@dataclass(frozen=True, slots=True)
class NextChanges:
    """What a hook has to send next."""

    changes: tuple[Mapping[str, object], ...]
    """None where there is nothing that the owner may see and the hook is for."""
    place: str
    """The place of the feed after it."""
    more: bool
    key: bytes = b""


def prepare(site: Site, hook: Webhook, since: str) -> NextChanges:
    """The next changes of a hook by its owner's rights of this moment. Raises OwnerOut, and ApiError.

    Up to the cursor `since` there is nothing to send.

    A message that was tried before has no more changes than then.
    """

    def read(tx: Transaction) -> NextChanges:
        tx.require(tx.registry.roles.api_permission)
        wanted = ChangesWanted(since, hook.types, hook.path, CHANGES_A_MESSAGE)
        return _prepared(tx.changes(wanted), hook, webhook_key(tx.connection, hook.id))

    def authenticate(connection: Connection) -> LoadedUser:
        user = load_by_login(connection, hook.owner, site.registry.roles)
        if user is None or not user.active:
            raise OwnerOut(f"its owner {hook.owner} is {'no user any more' if user is None else 'disabled'}")
        return user

    return site.run(authenticate, read, write=False)


def _prepared(found: Changes, hook: Webhook, key: bytes) -> NextChanges:
    cursors = [str(change["cursor"]) for change in found.changes]
    if hook.attempted in cursors[:-1]:
        last = cursors.index(str(hook.attempted)) + 1
        return NextChanges(found.changes[:last], cursors[last - 1], True, key)
    return NextChanges(found.changes, found.cursor, found.more, key)


def message_of(site_id: str, hook: Webhook, prepared: NextChanges, now: datetime) -> Message:
    """The message that tells changes. Its id is the same as long as it tells the same ones."""
    first, last = (str(prepared.changes[place]["cursor"]) for place in (0, -1))
    digest = sha256(f"{hook.id}\0{hook.place}\0{first}\0{last}".encode()).hexdigest()
    data = {"site": site_id, "hook": hook.id, "changes": prepared.changes, "cursor": prepared.place}
    return _message(f"msg_{digest[:32]}", "changes", data, now)


def test_message(site_id: str, hook: Webhook, now: datetime) -> Message:
    """A message by which one sees whether a receiver is there and verifies signatures."""
    digest = sha256(f"{hook.id}\0test\0{to_micros(now)}".encode()).hexdigest()
    return _message(f"msg_{digest[:32]}", "test", {"site": site_id, "hook": hook.id}, now)


def _message(name: str, kind: str, data: object, now: datetime) -> Message:
    return Message(name, orjson.dumps({"type": kind, "timestamp": now.isoformat(timespec="seconds"), "data": data}))


def send_test(site: Site, hook: Webhook) -> SendOutcome:
    """Send a test message to a hook's receiver. Raises DestinationRefused."""
    key = site.transact(lambda connection: webhook_key(connection, hook.id), write=False)
    destination = read_destination(hook.url, site.settings)
    now = site.now()
    return send(destination, key, test_message(site.settings.site_id, hook, now), now, site.settings.webhook_timeout)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Result of one look: the hook after it, the place up to which it has looked, and what came of a message."""

    hook: Webhook
    looked: str
    outcome: SendOutcome | None = None


def deliver(site: Site, hook: Webhook, looked: str) -> Delivered:
    """Send a hook's next message, if there is one, and note what came of it. Up to `looked` there is nothing to send.

    Raises ApiError when the database is away; nothing is noted then.
    """
    try:
        prepared = prepare(site, hook, looked)
        if not prepared.changes:
            return Delivered(_passed(site, hook, prepared.place), prepared.place)
        now = site.now()
        message = message_of(site.settings.site_id, hook, prepared, now)
        destination = read_destination(hook.url, site.settings)
        outcome = send(destination, prepared.key, message, now, site.settings.webhook_timeout)
    except (OwnerOut, DestinationRefused) as reason:
        return Delivered(_stopped(site, hook, str(reason)), looked)
    except NoApiAccess:
        return Delivered(_stopped(site, hook, f"its owner {hook.owner} may not call the API"), looked)
    after = _after(hook, prepared, outcome, to_micros(site.now()))
    if after.stopped is not None:
        return Delivered(_stopped(site, hook, after.stopped), looked, outcome)
    return Delivered(_noted(site, hook, after), prepared.place if outcome.delivered else looked, outcome)


def _passed(site: Site, hook: Webhook, place: str) -> Webhook:
    """The hook past changes of which nothing is sent. That is noted when there are many, not at every look."""
    if Place.of_cursor(place).seq - Place.of_cursor(hook.place).seq < _PASSED:
        return hook
    return _noted(site, hook, hook.moved(place, to_micros(site.now())))


def _after(hook: Webhook, prepared: NextChanges, outcome: SendOutcome, now: int) -> Webhook:
    if outcome.delivered:
        return hook.moved(prepared.place, now, outcome.text)
    if outcome.status == GONE:
        return hook.stopping(f"its receiver wants nothing more ({outcome.text})")
    return hook.failed(outcome.text, str(prepared.changes[-1]["cursor"]), now)


def _noted(site: Site, before: Webhook, after: Webhook) -> Webhook:
    """Store the hook after an attempt. One that was removed or set back meanwhile stays as it is."""
    site.transact(lambda connection: replace_webhook(connection, before, after), write=True, repeatable=True)
    return after


def _stopped(site: Site, hook: Webhook, reason: str) -> Webhook:
    """Store that a hook has stopped and why, in its row and in the history."""
    after = hook.stopping(reason)

    def store(connection: Connection) -> None:
        if replace_webhook(connection, hook, after):
            now, site_id = to_micros(site.now()), site.settings.site_id
            recorder = Recorder(site_id, now, _ACTOR, COMMAND_LINE)
            told = {"hook": hook.id, "stopped": reason}
            recorder.note(user_event(site_id, hook.owner, "webhook_stop", {"webhook": (None, told)}))
            recorder.store(connection)

    site.transact(store, write=True)
    _log.warning("The webhook %s to %s has stopped: %s.", hook.id, hook.url, reason)
    return after
