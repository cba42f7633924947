"""The method `tokens`: one's own API tokens. A GET lists them, a POST with `action` makes or revokes."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from objapi.api.answer_schemas import RECORDS, TEXT
from objapi.api.method import Json, Method, MethodCall, missing
from objapi.api.methods.trials import planned_event
from objapi.api.methods.users import asked_action
from objapi.api.methods.writing import DRY_RUN
from objapi.api.parameters import Control
from objapi.errors import BadRequest
from objapi.http.access import API
from objapi.security.api_tokens import ApiToken
from objapi.security.needs import Need
from objapi.security.token_administration import TokenAdministration, TokenWish
from objapi.store.requests import AccessEvent
from objapi.store.transaction import Transaction

_OF_SCOPE: Final = ("name", "read_only", "methods", "types", "path", "expires")


def tokens(call: MethodCall, tx: Transaction) -> Json:
    """List one's API tokens; with `action` make one, whose text is answered this once, or revoke some."""
    controls, zone = call.controls, call.settings.timezone
    action = asked_action(call, ("add", "revoke"))
    administration = TokenAdministration(tx, controls.text("userid"))
    if action is None:
        listed = [described_token(token, zone, tx.now) for token in administration.tokens()]
        return call.with_warnings({"tokens": listed})
    call.refuse_unused()
    _refuse_words_of_others(call, ("prefix",) if action == "add" else _OF_SCOPE, action)
    dry_run = controls.flag("dry_run")
    if action == "revoke":
        if not controls.names("prefix"):
            raise missing("prefix")
        events = administration.revoke(controls.names("prefix"), dry_run=dry_run)
        revoked = [event.changes["token"][0] for event in events]
        return _planned({"revoked": revoked}, events) if dry_run else {"revoked": revoked}
    wish = TokenWish(
        controls.text("name") or "",
        controls.flag("read_only"),
        controls.names("methods"),
        controls.names("types"),
        controls.text("path"),
        controls.text("expires"),
    )
    most_days = call.settings.token_days
    made, event = administration.add(wish, methods=call.method_names, zone=zone, most_days=most_days, dry_run=dry_run)
    if made is None:
        return _planned({}, [event])
    return {"token": made.text, **described_token(made.token, zone, tx.now)}


def _refuse_words_of_others(call: MethodCall, others: Sequence[str], action: str) -> None:
    """Raise BadRequest for a parameter that the method knows and this action does not look at."""
    sent = sorted(call.controls.sent.intersection(others))
    if sent:
        raise BadRequest.of_parameter(sent[0], f"{', '.join(sent)}: action={action} does not take it.")


def _planned(answer: dict[str, object], events: Sequence[AccessEvent]) -> Json:
    return {**answer, "dry_run": True, "plan": {"changes": [planned_event(event) for event in events], "reindexed": 0}}


def described_token(token: ApiToken, zone: tzinfo, now: datetime) -> dict[str, object]:
    """A token as lists show it: without its secret, which is not stored."""
    scope = token.scope
    return {
        "prefix": token.prefix,
        "userid": token.user_id,
        "name": token.name,
        "read_only": scope.read_only,
        "methods": None if scope.methods is None else sorted(scope.methods),
        "types": None if scope.types is None else sorted(scope.types),
        "path": scope.path,
        "created": _shown(token.created, zone),
        "expires": _shown(token.expires, zone),
        "expired": token.expires is not None and token.expires <= now,
        "last_used": _shown(token.last_used, zone),
    }


def _shown(instant: datetime | None, zone: tzinfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat(timespec="seconds")


TOKENS: Final = (
    Method(
        name="tokens",
        access=API,
        needs=(Need.NOTHING,),
        controls=(
            Control("userid", "text", about="The user whose tokens are meant; by default oneself."),
            Control("action", "text", about="add or revoke; without it the tokens are listed."),
            Control("name", "text", about="What the token is for."),
            Control("read_only", "boolean", False, about="The token changes nothing."),
            Control("methods", "names", (), about="The methods that the token may call; by default all."),
            Control("types", "names", (), about="The types that the token reaches; by default all."),
            Control("path", "text", aliases=("obj_path",), about="The object in which the token reaches all it does."),
            Control("expires", "text", about="The end of the token: a number of days, a date, or an instant."),
            Control("prefix", "names", (), about="The prefixes of the tokens to revoke."),
            DRY_RUN,
        ),
        answer={"tokens?": RECORDS, "token?": TEXT, "prefix?": TEXT, "revoked?": RECORDS},
        writing_verbs=("POST",),
        acts_by="action",
        secrets=("token",),
        run=tokens,
    ),
)
