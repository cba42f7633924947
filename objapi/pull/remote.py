"""The other laboratory's server: asked slowly, again when it is busy, and never believed beyond bounds."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from objapi import __version__
from objapi.model.json_text import parse_json
from objapi.security.outgoing import NoAnswer, ServerAnswer, ask
from objapi.site_context import SiteError

LONGEST_PAGE: Final = 64 * 1024 * 1024
"""Bytes of an answer in JSON."""
_MOST_VALUES: Final = 5_000_000
_SECONDS: Final = 180.0
_TRIES: Final = 5
_LONGEST_WAIT: Final = 600.0
_FIRST_WAIT: Final = 2.0
_BUSY: Final = frozenset({429, 502, 503, 504})
_PORTS: Final = {"http": 80, "https": 443}


class RemoteError(SiteError):
    """A laboratory that cannot be pulled from; the message says why, with the remedy."""


class PageFailed(RemoteError):
    """One question that was not answered: fewer objects at once may be."""


class NotThere(PageFailed):
    """A URL at which the server has nothing."""


@dataclass(slots=True)
class Remote:
    """A laboratory at a URL, and a log-in there."""

    base: str
    """The URL of the site, without a slash at its end."""
    login: str
    password: str = field(repr=False)
    rate: float = 3.0
    """Requests a second, at most."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    send: Callable[..., ServerAnswer] = ask
    _next: float = 0.0

    def json(self, path: str, parameters: Mapping[str, object] | None = None) -> Any:
        """The answer to a GET below the site's URL, as JSON.

        Raises PageFailed when the server fails at it, and RemoteError when it lets nobody in or is no such server.
        """
        answer = self._asked(self.url(path, parameters or {}), LONGEST_PAGE, "application/json")
        try:
            value = parse_json(answer.body.decode("utf-8-sig"), most_values=_MOST_VALUES)
        except ValueError as reason:
            raise PageFailed(f"{self.base} answers {path} with something that is no JSON: {reason}.") from None
        if not isinstance(value, dict):
            raise PageFailed(f"{self.base} answers {path} with JSON that is no object.")
        if value.get("success") is False:
            raise PageFailed(f"{self.base} refuses {path}: {str(value.get('message'))[:300]}")
        return value

    def content(self, url: str, longest: int) -> bytes:
        """The content of a file of the same server, at a URL or at a path of it. Raises PageFailed, RemoteError."""
        url = urljoin(f"{self.base}/", url)
        if not self.has(url):
            raise PageFailed(f"the file is on another server, {url[:200]}, which is not asked")
        return self._asked(url, longest, "*/*").body

    def url(self, path: str, parameters: Mapping[str, object]) -> str:
        """A URL below that of the site."""
        query = f"?{urlencode(parameters, doseq=True)}" if parameters else ""
        return f"{self.base}/{quote(path, safe='/@:%')}{query}"

    def has(self, url: str) -> bool:
        """True for a URL on the same server."""
        try:
            return _origin(urlsplit(url)) == _origin(urlsplit(self.base))
        except ValueError:
            return False

    def _asked(self, url: str, longest: int, accepted: str) -> ServerAnswer:
        secret = b64encode(f"{self.login}:{self.password}".encode()).decode("ascii")
        headers = {
            "Authorization": f"Basic {secret}",
            "Accept": accepted,
            "User-Agent": f"objapi/{__version__} pull",
        }
        wait, reason = _FIRST_WAIT, ""
        for attempt in range(1, _TRIES + 1):
            self._keep_rate()
            try:
                answer = self.send(url, seconds=_SECONDS, longest=longest, headers=headers)
            except NoAnswer as failure:
                if "longer than" in str(failure):
                    raise PageFailed(f"{self.base}: {failure}.") from None
                reason, asked_for = str(failure), None
            else:
                if answer.status == 200:
                    return answer
                self._refuse(url, answer)
                if answer.status not in _BUSY:
                    raise PageFailed(f"{self.base} answers {answer.status} to {url[:300]}.")
                reason, asked_for = f"it answers {answer.status}", _wait_of(answer.headers.get("retry-after"))
            if attempt < _TRIES:
                self.sleep(min(wait if asked_for is None else asked_for, _LONGEST_WAIT))
                wait *= 2
        raise PageFailed(f"{self.base} cannot be pulled from now: {reason}. Run the command again later; it goes on.")

    def _refuse(self, url: str, answer: ServerAnswer) -> None:
        """Raise RemoteError for an answer after which asking on makes no sense."""
        if answer.status in (301, 302, 303, 307, 308):
            target = answer.headers.get("location", "nowhere")[:200]
            raise RemoteError(f"{self.base} sends {url[:200]} on to {target}. Where you trust that, name its URL.")
        if answer.status == 401:
            raise RemoteError(f"{self.base} does not take the user {self.login} with this password.")
        if answer.status == 403:
            raise RemoteError(
                f"{self.base} does not let {self.login} read {url[:200]}. Name a manager of it as --user."
            )
        if answer.status == 404:
            raise NotThere(f"{self.base} has no {url[:200]}.")

    def _keep_rate(self) -> None:
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate


def _wait_of(header: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for; None for none that can be read."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header.strip()[:6])
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max((at - datetime.now(UTC)).total_seconds(), 0.0) if at.tzinfo is not None else None


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def site_url(text: str) -> str:
    """The URL of the site from what somebody typed: the route of an interface is left off. Raises RemoteError."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise RemoteError(f"{text[:200]!r} is no URL.") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise RemoteError(f"{text[:200]!r} is no URL; write one such as https://lims.example.org/senaite.")
    if parts.username is not None or parts.password is not None:
        raise RemoteError("Leave user and password out of the URL: --user names the one, the other is asked for.")
    path = parts.path
    for mark in ("/@@API", "/API", "/%40%40API"):
        path = path.partition(mark)[0]
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"
