"""One call over HTTP: JSON out, JSON back, sent again where no answer came, done once all the same."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from mimetypes import guess_type
from pathlib import Path
from random import SystemRandom
from typing import Any, Final
from uuid import uuid4

import httpx

from objapi_client.errors import (
    IdempotencyKeyInUse,
    LogInFailed,
    NoAnswer,
    OutcomeUnknown,
    Unavailable,
    UnexpectedAnswer,
    error_of,
)

PARTLY_DONE: Final = "PartlyDone"
"""The type of an answer to `partial` of which some entries failed."""

_GATEWAYS: Final = frozenset({502, 503, 504})
"""Statuses by which a proxy says that the gateway behind it is away."""
_REAL_STATUS: Final = {"Prefer": "http-status"}
_SHOWN: Final = 200
_RANDOM: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after what pauses, a request is sent that no answer came to."""

    tries: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, tried: int, asked: float = 0.0) -> float:
        """Seconds to wait after so many tries: twice as long each time, and as long as the gateway asked for.

        Clients that were cut off together come back one after the other.
        """
        longest = min(self.longest_pause, self.first_pause * 2 ** (tried - 1))
        return max(asked, _RANDOM.uniform(longest / 2, longest))


NO_RETRIES: Final = Retries(tries=1)


@dataclass(frozen=True, slots=True)
class Connection:
    """The endpoint of a site, and how it is called."""

    http: httpx.Client
    site: str
    """The URL of the site, without a slash at the end."""
    retries: Retries
    sleep: Callable[[float], None] = time.sleep

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of a method, also one that says that a part failed. Raises ClientError."""
        body = json.dumps(parameters, default=plain, allow_nan=False).encode()
        # Calls that only ask are not looked at for a key, so every call can have one, and be sent again.
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        url = f"{self.site}/@@API/{method}"
        return self._repeated(lambda: self.http.post(url, content=body, headers=headers), "success")

    def document(self, method: str) -> dict[str, Any]:
        """A document that a method answers as it stands. Raises ClientError."""
        return self._repeated(lambda: self.http.get(f"{self.site}/@@API/{method}", headers=_REAL_STATUS), "openapi")

    def _repeated(self, send: Callable[[], httpx.Response], key: str) -> dict[str, Any]:
        """The answer, which has this key, of a request that is sent again where it may help."""
        tried = 0
        while True:
            tried += 1
            is_last = tried >= self.retries.tries
            asked = 0.0
            try:
                response = send()
                answer = _answer_of(response, key)
                if answer is not None:
                    return answer
                if is_last:
                    raise NoAnswer(f"{self.site}: there is no gateway behind the proxy ({response.status_code}).")
                asked = _asked_pause(response)
            except (Unavailable, OutcomeUnknown, IdempotencyKeyInUse):
                if is_last:
                    raise
                asked = _asked_pause(response)
            except httpx.TransportError as error:
                if is_last or isinstance(error, (httpx.UnsupportedProtocol, httpx.ProxyError)):
                    raise NoAnswer(f"{self.site}: {_told(error)} (tried {tried} times)") from error
            self.sleep(self.retries.pause(tried, asked))

    def log_in(self, user: str, password: str, code: str | None = None) -> None:
        """Log in by the form; the cookie is kept. Raises LogInFailed, NoAnswer."""
        form = {"__ac_name": user, "__ac_password": password, "form.submitted": "1"}
        form |= {"__ac_code": code} if code is not None else {}
        try:
            response = self.http.post(f"{self.site}/login_form", data=form)
        except httpx.TransportError as error:
            raise NoAnswer(f"{self.site}: {_told(error)}") from error
        if "__ac" not in self.http.cookies or response.status_code >= 400 or "login_failed" in response.text:
            raise LogInFailed(
                f"{self.site}: the log-in of {user!r} was refused ({response.status_code}). "
                "A user with a second factor logs in with a code, or calls with an API token."
            )

    def download(self, path: str, field: str, into: Path) -> None:
        """Write the file of a field into a file; one that broke off is left out. Raises ClientError."""
        below = path.strip("/").removeprefix(self.site.rpartition("/")[2] + "/")
        asked = self.http.build_request(
            "GET", f"{self.site}/{below}/@@API/file", params={"field": field}, headers=_REAL_STATUS
        )
        self._save(asked, into)

    def export(self, parameters: Mapping[str, Any], into: Path) -> None:
        """Write what a read with a format answers into a file; one that broke off is left out. Raises ClientError."""
        body = json.dumps(parameters, default=plain, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        self._save(self.http.build_request("POST", f"{self.site}/@@API/read", content=body, headers=headers), into)

    def _save(self, asked: httpx.Request, into: Path) -> None:
        part = into.with_name(f"{into.name}.part")
        try:
            response = self.http.send(asked, stream=True)
            with closing(response):
                if response.status_code != httpx.codes.OK:
                    response.read()
                    _answer_of(response, "success")
                    raise UnexpectedAnswer(_unexpected(response))
                with part.open("wb") as file:
                    for piece in response.iter_bytes():
                        file.write(piece)
            part.replace(into)
        except httpx.TransportError as error:
            raise NoAnswer(f"{asked.url}: {_told(error)}") from error
        finally:
            part.unlink(missing_ok=True)


def _answer_of(response: httpx.Response, key: str) -> dict[str, Any] | None:
    """The answer in a response; None where a proxy says that the gateway is away. Raises ApiError, UnexpectedAnswer."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not {key, "success"} & answer.keys():
        if response.status_code in _GATEWAYS:
            return None
        raise UnexpectedAnswer(_unexpected(response))
    if answer.get("success", True) is True or answer.get("type") == PARTLY_DONE:
        return answer
    raise error_of(answer)


def _told(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__


def _unexpected(response: httpx.Response) -> str:
    where = response.headers.get("Location")
    what = f"a redirection to {where}" if where else repr(" ".join(response.text.split())[:_SHOWN])
    return f"{response.url} answered {response.status_code} and {what}, which is no answer of the API of a site."


def _asked_pause(response: httpx.Response) -> float:
    """Seconds that the header Retry-After asks for; 0 without one, or with a date."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 0.0


def plain(value: object) -> object:
    """A value as JSON has it: dates as ISO 8601, decimals as texts, a path as the file that lies there."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case Path():
            return upload(value.name, value.read_bytes())
        case set() | frozenset():
            return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")


def upload(filename: str, content: bytes, content_type: str | None = None) -> dict[str, str]:
    """The value of a file field."""
    kind = content_type or guess_type(filename)[0] or "application/octet-stream"
    return {"filename": filename, "content_type": kind, "base64": b64encode(content).decode("ascii")}
