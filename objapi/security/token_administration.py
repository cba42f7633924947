"""Administration of API tokens: one's own, those of others for who manages users, all at the command line.

What is made and revoked is recorded in the history, under the user; the secret never is.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

from objapi.errors import ApiError, Cause, Conflict, NotFound, ValidationError, sentence_end
from objapi.model.references import site_path
from objapi.model.token_scope import ISPYB, USER_METHODS, TokenScope
from objapi.security.accounts import find_account
from objapi.security.administration import UserAdministration
from objapi.security.api_tokens import (
    LONGEST_NAME,
    ApiToken,
    NewToken,
    add_api_token,
    find_tokens,
    list_tokens,
    read_prefix,
    remove_tokens,
)
from objapi.security.user_history import user_event
from objapi.store.requests import AccessEvent, ByPath
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

LONGEST_DAYS: Final = 36_500


@dataclass(frozen=True, slots=True)
class TokenWish:
    """A token as somebody asks for it; what is not given restricts nothing."""

    name: str = ""
    read_only: bool = False
    methods: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    path: str | None = None
    expires: str | None = None
    """A number of days, or a date or instant."""


class TokenAdministration:
    """The tokens of one user, or of all for the gateway itself.

    Making one raises Forbidden for a caller who may not look after the tokens of that user.
    """

    def __init__(self, tx: Transaction, user_id: str | None = None) -> None:
        self._tx = tx
        self._user_id = user_id if tx.user.unrestricted else user_id or tx.user.user_id
        self._others = None
        if self._user_id not in (None, tx.user.user_id) and not tx.user.unrestricted:
            self._others = UserAdministration(tx)

    def tokens(self) -> list[ApiToken]:
        """The tokens, by user and age. To a caller who came by one only that one is shown. Raises NotFound."""
        if self._user_id is not None:
            find_account(self._tx.connection, self._user_id)
        found = list_tokens(self._tx.connection, self._user_id)
        own = self._tx.user.token
        return found if own is None or self._others is not None else [item for item in found if item.scope == own]

    def add(
        self,
        wish: TokenWish,
        *,
        methods: Collection[str],
        zone: tzinfo,
        most_days: int | None,
        dry_run: bool = False,
    ) -> tuple[NewToken | None, AccessEvent]:
        """Make a token; none in a dry run. `methods` are the names of all methods there are.

        `most_days`: the longest life that a token may have; None: it may be without an end.

        Users make their own, and the command line makes them for anybody. Raises ValidationError with all that is
        wrong, NotFound, Conflict for a disabled user and for one token too many, and Forbidden.
        """
        self._require_no_token()
        tx, user_id = self._tx, self._user_id
        if user_id is None or self._others is not None:
            message = "Tokens are made by their own users, or at the command line by `objapi token add`."
            raise ValidationError.from_causes([Cause("parameter", "userid", message)])
        if not find_account(tx.connection, user_id).active:
            raise Conflict(f"{user_id} is disabled; enable the user first.")
        scope, expires = self._read(wish, methods, zone, most_days)
        made = None
        prefix = "…"
        if not dry_run:
            made = add_api_token(tx.connection, user_id, wish.name.strip(), scope, tx.now, expires)
            prefix = made.token.prefix
        described = {"prefix": prefix, "name": wish.name.strip(), **scope.document()}
        described["expires"] = None if expires is None else expires.isoformat()
        return made, self._record("token_add", user_id, None, described, dry_run=dry_run)

    def revoke(self, names: Sequence[str] | None, *, dry_run: bool = False) -> list[AccessEvent]:
        """Revoke tokens, named by their prefixes; None: all of them.

        Raises NotFound that names every one that is not there, or not this user's, and Forbidden.
        """
        self._require_no_token()
        found = self.tokens() if names is None else self._named(names)
        if self._others is not None:
            account = self._others.account(str(self._user_id))
            self._others.require_within(self._others.roles_at_root(account), f"revoke tokens of {account.id}, who has")
        if not dry_run:
            remove_tokens(self._tx.connection, [token.prefix for token in found])
        return [
            self._record(
                "token_revoke", token.user_id, {"prefix": token.prefix, "name": token.name}, None, dry_run=dry_run
            )
            for token in found
        ]

    # Inside

    def _require_no_token(self) -> None:
        """Raise InsufficientScope for a caller who came by a token: one that is revoked could have made others."""
        if self._tx.user.token is not None:
            raise self._tx.user.token.refusal("No token makes or revokes tokens")

    def _named(self, names: Sequence[str]) -> list[ApiToken]:
        prefixes = {name: read_prefix(name) for name in names}
        wanted = [prefix for prefix in prefixes.values() if prefix is not None]
        found = {
            token.prefix: token
            for token in find_tokens(self._tx.connection, wanted)
            if self._user_id in (None, token.user_id)
        }
        missing = [name for name, prefix in prefixes.items() if prefix not in found]
        if missing:
            # A whole token that somebody has pasted is not repeated.
            shown = ", ".join(repr(name[:13]) for name in missing)
            message = f"There is no token {shown}; tokens are named by their prefix, as lists show it."
            raise NotFound(message, causes=[Cause("parameter", "prefix", message)])
        return list(found.values())

    def _read(
        self, wish: TokenWish, methods: Collection[str], zone: tzinfo, most_days: int | None
    ) -> tuple[TokenScope, datetime | None]:
        causes = _name_problems(wish.name)
        known = {*methods, ISPYB}
        for parameter, names, there in (
            ("methods", wish.methods, known),
            ("types", wish.types, self._tx.registry.types),
        ):
            for name in names:
                if name not in there:
                    what = "method" if parameter == "methods" else "type"
                    text = f"{parameter}: there is no {what} {name[:60]!r}{sentence_end(suggestion(name[:60], there))}"
                    causes.append(Cause("parameter", parameter, text))
        path = self._read_path(wish.path, causes)
        expires = None
        try:
            expires = read_expiry(wish.expires, self._tx.now, zone, most_days)
        except ValueError as problem:
            causes.append(Cause("parameter", "expires", f"expires: {problem}."))
        scope = TokenScope(
            "",
            wish.read_only,
            frozenset(wish.methods) if wish.methods else None,
            frozenset(wish.types) if wish.types else None,
            path,
        )
        whole = sorted((USER_METHODS | {ISPYB}) & set(wish.methods))
        if scope.limits_objects and whole:
            text = f"methods: {', '.join(whole)} cannot be held to some types or to a path; make a token of its own."
            causes.append(Cause("parameter", "methods", text))
        if causes:
            raise ValidationError.from_causes(causes)
        return scope, expires

    def _read_path(self, path: str | None, causes: list[Cause]) -> str | None:
        """The whole path of the object that is there, None for the root; a fault is added to the causes."""
        if path is None:
            return None
        try:
            found = self._tx.grant_target(ByPath(path)).path
            return None if found == site_path("/", self._tx.site_id) else found
        except ApiError as error:
            causes.append(Cause("parameter", "path", f"path: {error.message}"))
            return None

    def _record(self, event: str, user_id: str, old: object, new: object, *, dry_run: bool) -> AccessEvent:
        row = user_event(self._tx.site_id, user_id, event, {"token": (old, new)})
        if not dry_run:
            self._tx.record(row)
        return row


def read_expiry(text: str | None, now: datetime, zone: tzinfo, most_days: int | None = None) -> datetime | None:
    """The end of a token: a number of days from now, or a date, whose whole day in `zone` still counts, or an instant.

    None: it has none. Raises ValueError, with a phrase, for anything else, for what is past, and for an end, or none,
    by which it lived longer than `most_days`.
    """
    end = None if text is None else _read_end(text.strip(), now, zone)
    if most_days is not None:
        last = (now.astimezone(zone).date() + timedelta(days=most_days)).isoformat()
        if end is None or end > _end(last, zone):
            raise ValueError(f"a token lives {most_days} days at most (OBJAPI_TOKEN_DAYS); name an end up to {last}")
    return end


def _read_end(text: str, now: datetime, zone: tzinfo) -> datetime:
    if text.isascii() and text.isdigit():
        if not 1 <= int(text[:9]) <= LONGEST_DAYS:
            raise ValueError(f"a token lives between 1 and {LONGEST_DAYS} days, not {text[:9]}")
        return now + timedelta(days=int(text))
    try:
        end = _end(text, zone)
    except (ValueError, OverflowError):
        raise ValueError(f"a number of days or a date such as 2030-12-31 is expected, not {text[:40]!r}") from None
    if end <= now:
        raise ValueError(f"{text} is past")
    return end


def _end(text: str, zone: tzinfo) -> datetime:
    if len(text) > len("2030-12-31"):
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo is not None else read.replace(tzinfo=zone)).astimezone(zone)
    return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)


def _name_problems(name: str) -> list[Cause]:
    if len(name) <= LONGEST_NAME and name.isprintable():
        return []
    return [Cause("parameter", "name", f"name: one line of at most {LONGEST_NAME} characters is expected.")]
