"""Administration of webhooks, for who holds the permission on the site: managers, unless a profile says otherwise.

What is changed is recorded in the history, under the hook's owner; its secret never is.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.errors import Cause, Conflict, NotFound, ValidationError, sentence_end
from objapi.model.references import PathProblem, normalise_path, site_path
from objapi.security.accounts import find_account
from objapi.security.administration import MANAGE_WEBHOOKS
from objapi.security.user_history import user_event
from objapi.settings import Settings
from objapi.store.records import to_micros
from objapi.store.requests import AccessEvent
from objapi.store.trail.changes import NOW, ChangesWanted, Place
from objapi.store.transaction import Transaction
from objapi.webhooks.destinations import DestinationRefused, read_destination
from objapi.webhooks.sending import secret_text
from objapi.webhooks.stored import (
    Webhook,
    add_webhook,
    find_webhooks,
    list_webhooks,
    remove_webhook,
    replace_webhook,
    webhook_key,
)
from workflows.declarations import suggestion

MOST: Final = 50
LONGEST_NAME: Final = 200
_ID_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class WebhookWish:
    """A hook as somebody asks for it; what is not given restricts nothing."""

    url: str
    name: str = ""
    types: tuple[str, ...] = ()
    path: str | None = None
    since: str = NOW
    """A cursor of the feed, 0 or now."""


class WebhookAdministration:
    """The webhooks of a site. Making one raises Forbidden for who lacks the permission."""

    def __init__(self, tx: Transaction, settings: Settings) -> None:
        tx.require_on_site(MANAGE_WEBHOOKS)
        token = tx.user.token
        if token is not None and (tx.writes or token.limits_objects):
            # A hook outlives the token, and tells what its owner may see.
            raise token.refusal("Webhooks are managed without a token, and listed by one that reaches all objects")
        self._tx = tx
        self._settings = settings

    def webhooks(self) -> list[Webhook]:
        """All hooks, the oldest first."""
        return list_webhooks(self._tx.connection)

    def one(self, hook_id: str) -> Webhook:
        """The hook with an id. Raises NotFound."""
        found = find_webhooks(self._tx.connection, [hook_id]).get(hook_id)
        if found is None:
            message = f"There is no webhook {hook_id[:20]!r}; they are named by their id, as lists show it."
            raise NotFound(message, causes=[Cause("parameter", "hook", message)])
        return found

    def add(self, wish: WebhookWish, owner: str | None = None, *, dry_run: bool = False) -> tuple[Webhook, AccessEvent]:
        """Make a hook of the caller or, at the command line, of an owner; none is stored in a dry run.

        Raises ValidationError with all that is wrong, NotFound for an unknown owner, and Conflict for one that is out
        of use and for one hook too many.
        """
        tx, now = self._tx, to_micros(self._tx.now)
        owner = owner if tx.user.unrestricted else tx.user.user_id
        if owner is None:
            raise ValidationError.from_causes([Cause("parameter", "owner", "owner: name the user whose hook it is.")])
        if not find_account(tx.connection, owner).active:
            raise Conflict(f"{owner} is disabled; enable the user first.")
        if len(self.webhooks()) >= MOST:
            raise Conflict(f"There are {MOST} webhooks already, the most that a site has. Remove one first.")
        path, place = self._read(wish)
        hook = Webhook(
            secrets.token_hex(_ID_BYTES), owner, wish.url, wish.name.strip(), wish.types, path, now, place, due=now
        )
        described = {"hook": hook.id, "url": hook.url, "name": hook.name, "types": list(hook.types), "path": path}
        if not dry_run:
            add_webhook(tx.connection, hook)
        return hook, self._record("webhook_add", hook, None, described, dry_run=dry_run)

    def remove(self, hook_id: str, *, dry_run: bool = False) -> AccessEvent:
        """Remove a hook. Raises NotFound."""
        hook = self.one(hook_id)
        if not dry_run:
            remove_webhook(self._tx.connection, hook.id)
        return self._record("webhook_remove", hook, {"hook": hook.id, "url": hook.url}, None, dry_run=dry_run)

    def replay(self, hook_id: str, since: str | None, *, dry_run: bool = False) -> AccessEvent:
        """Let a hook go on: from a cursor, or where it stopped. Raises NotFound, BadRequest and Conflict."""
        hook = self.one(hook_id)
        place = hook.place if since is None else self._place(since)
        if not dry_run and not replace_webhook(self._tx.connection, hook, hook.resumed(place, to_micros(self._tx.now))):
            raise Conflict(f"The webhook {hook.id} has just been delivered to; ask again.")
        before, after = ({"hook": hook.id, "place": each} for each in (hook.place, place))
        return self._record("webhook_replay", hook, before, after, dry_run=dry_run)

    def secret(self, hook: Webhook) -> str:
        """The secret of a hook, which its receiver verifies signatures by."""
        return secret_text(webhook_key(self._tx.connection, hook.id))

    # Inside

    def _read(self, wish: WebhookWish) -> tuple[str | None, str]:
        causes: list[Cause] = []
        try:
            read_destination(wish.url, self._settings)
        except DestinationRefused as refusal:
            causes.append(Cause("parameter", "url", f"url: {refusal}."))
        if len(wish.name) > LONGEST_NAME or not wish.name.isprintable():
            text = f"name: one line of at most {LONGEST_NAME} characters is expected."
            causes.append(Cause("parameter", "name", text))
        causes += unknown_types(wish.types, self._tx.registry.types)
        path, site_id = None, self._tx.site_id
        try:
            path = None if wish.path is None else site_path(normalise_path(wish.path, site_id), site_id)
        except PathProblem as problem:
            causes.append(Cause("parameter", "path", f"path: {problem}."))
        if causes:
            raise ValidationError.from_causes(causes)
        return path, self._place(wish.since)

    def _place(self, since: str) -> str:
        """The cursor that a text means now. Raises BadRequest."""
        if since == NOW:
            return self._tx.changes(ChangesWanted(NOW)).cursor
        return Place.of_cursor(since).cursor()

    def _record(self, event: str, hook: Webhook, old: object, new: object, *, dry_run: bool) -> AccessEvent:
        row = user_event(self._tx.site_id, hook.owner, event, {"webhook": (old, new)})
        if not dry_run:
            self._tx.record(row)
        return row


def unknown_types(names: Sequence[str], known: Mapping[str, object]) -> list[Cause]:
    """One cause for each name that is no type."""
    return [
        Cause(
            "parameter", "types", f"types: there is no type {name[:60]!r}{sentence_end(suggestion(name[:60], known))}"
        )
        for name in names
        if name not in known
    ]
