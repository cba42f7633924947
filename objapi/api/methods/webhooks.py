"""The method `webhooks`: receivers of the feed on other hosts. A GET lists them, a POST with `action` changes some."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT
from objapi.api.method import Json, Method, MethodCall
from objapi.api.methods.trials import planned_event
from objapi.api.methods.users import asked_action
from objapi.api.methods.writing import DRY_RUN
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.records import from_micros
from objapi.store.requests import AccessEvent
from objapi.store.transaction import Transaction
from objapi.webhooks.administration import WebhookAdministration, WebhookWish
from objapi.webhooks.stored import Webhook

_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "add": frozenset({"url", "name", "types", "path", "since"}),
    "remove": frozenset({"hook"}),
    "replay": frozenset({"hook", "since"}),
}
"""Action → the parameters that it takes."""


def webhooks(call: MethodCall, tx: Transaction) -> Json:
    """List the webhooks; with `action` add one, whose secret is answered this once, remove one, or let one go on."""
    controls, zone = call.controls, call.settings.timezone
    action = asked_action(call, tuple(_WORDS))
    administration = WebhookAdministration(tx, call.settings)
    if action is None:
        return call.with_warnings({"webhooks": [described_webhook(hook, zone) for hook in administration.webhooks()]})
    call.refuse_unused()
    _refuse_words_of_others(call, action)
    dry_run = controls.flag("dry_run")
    if action == "add":
        wish = WebhookWish(
            call.require_text("url"),
            controls.text("name") or "",
            controls.names("types"),
            controls.text("path"),
            controls.text("since") or "now",
        )
        hook, event = administration.add(wish, dry_run=dry_run)
        if dry_run:
            return _planned(event)
        return {"secret": administration.secret(hook), "webhooks": [described_webhook(hook, zone)]}
    hook_id = call.require_text("hook")
    if action == "remove":
        event = administration.remove(hook_id, dry_run=dry_run)
        return _planned(event) if dry_run else {"removed": hook_id}
    event = administration.replay(hook_id, controls.text("since"), dry_run=dry_run)
    return _planned(event) if dry_run else {"webhooks": [described_webhook(administration.one(hook_id), zone)]}


def _refuse_words_of_others(call: MethodCall, action: str) -> None:
    """Raise BadRequest for a parameter that the method knows and this action does not look at."""
    others = sorted(call.controls.sent - {"action", "dry_run"} - _WORDS[action])
    if others:
        raise BadRequest.of_parameter(others[0], f"{', '.join(others)}: action={action} does not take it.")


def _planned(event: AccessEvent) -> Json:
    return {"dry_run": True, "plan": {"changes": [planned_event(event)], "reindexed": 0}}


def described_webhook(hook: Webhook, zone: tzinfo) -> dict[str, object]:
    """A hook as lists show it."""
    return {
        "hook": hook.id,
        "owner": hook.owner,
        "url": hook.url,
        "name": hook.name,
        "types": list(hook.types),
        "path": hook.path,
        "created": _shown(hook.created, zone),
        "place": hook.place,
        "delivered": _shown(hook.delivered, zone),
        "outcome": hook.outcome,
        "failures": hook.failures,
        "failing_since": _shown(hook.failing_since, zone),
        "next_attempt": _shown(hook.due, zone) if hook.failures and hook.stopped is None else None,
        "stopped": hook.stopped,
    }


def _shown(instant: int | None, zone: tzinfo) -> str | None:
    return None if instant is None else from_micros(instant).astimezone(zone).isoformat(timespec="seconds")


WEBHOOKS: Final = (
    Method(
        name="webhooks",
        access=API,
        needs=(Need.WEBHOOKS,),
        controls=(
            Control("action", "text", about="add, remove or replay; without it the webhooks are listed."),
            Control("url", "text", about="The URL that messages are sent to."),
            Control("name", "text", about="What the webhook is for."),
            Control("types", "names", (), about="Types whose objects alone are told of."),
            Control("path", "text", aliases=("obj_path",), about="The path of an object: it and its contents alone."),
            Control("since", "text", about="The cursor to begin or go on from; 0: the beginning, now: nothing past."),
            Control("hook", "text", about="The id of the webhook to remove or to let go on."),
            DRY_RUN,
        ),
        answer={"webhooks?": RECORDS, "secret?": TEXT, "removed?": TEXT},
        writing_verbs=("POST",),
        acts_by="action",
        secrets=("secret",),
        # What is committed by now is past for a hook that begins now.
        reads_trail=True,
        run=webhooks,
    ),
)
