"""The provider: what it publishes about itself, and its answer to a code. Protocol by Authlib, calls bounded.

Its description and its keys are remembered for an hour. While it cannot be reached nobody waits for it more than every
few seconds: the others are told at once.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import orjson
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import KeySet

from objapi.errors import SignOnFailed, Unavailable
from objapi.security.outgoing import NoAnswer, ServerAnswer, ask
from objapi.security.sign_on.flow import Flow
from objapi.security.sign_on.id_token import ALGORITHMS, UnknownKey, read_id_token, read_keys
from objapi.security.sign_on.provider_account import ProviderAccount
from objapi.settings.parsing import is_secure_url

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_LONGEST_ANSWER: Final = 512 * 1024
_REMEMBERED: Final = 3600.0
_LET_ALONE: Final = 5.0
"""Seconds in which the provider is not asked again after a failure, nor for its keys after they were fetched."""
_RETRY_AFTER: Final = 10


@dataclass(frozen=True, slots=True)
class Client:
    """The gateway as the provider knows it."""

    issuer: str
    client_id: str
    secret: str = field(repr=False)
    """Empty: none; PKCE alone then shows that a code is redeemed by who asked for it."""
    redirect_uri: str
    scopes: tuple[str, ...]
    seconds: float
    """Time that the provider has for each answer."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a provider publishes about itself (OpenID Connect Discovery)."""

    authorization: str
    token: str
    keys: str
    end_session: str | None
    algorithms: tuple[str, ...]
    authentication: tuple[str, ...]
    """Ways in which a client may show who it is at the token endpoint."""


class Provider:
    """A provider and what is remembered of it in this process. Safe to use from several threads."""

    def __init__(self, client: Client, clock: Callable[[], float] = monotonic) -> None:
        self.client = client
        self._clock = clock
        self._lock = Lock()
        self._endpoints: tuple[float, Endpoints] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed: tuple[float, str] | None = None

    def authorization_url(self, flow: Flow) -> str:
        """The URL at which somebody logs in at the provider. Raises Unavailable."""
        client = self.client
        anew = {"prompt": "login", "max_age": "0"} if flow.anew else {}
        url: str = prepare_grant_uri(
            self._described().authorization,
            client.client_id,
            "code",
            redirect_uri=client.redirect_uri,
            scope=list(client.scopes),
            state=flow.state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
            **anew,
        )
        return url

    def end_session_url(self) -> str | None:
        """The URL at which one logs out at the provider; None: it has none. Raises Unavailable."""
        return self._described().end_session

    def redeem(self, code: str, flow: Flow, now: datetime) -> ProviderAccount:
        """Who has logged in at the provider, by the code that it sent.

        Raises SignOnFailed for a code that it does not take and for a token that is not valid, and Unavailable.
        """
        if not code:
            raise SignOnFailed("The answer of the log-in provider has no code. Begin again.")
        answer = self._tokens(code, flow)
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            raise SignOnFailed("The answer of the log-in provider has no ID token: is `openid` among the scopes?")
        for fresh in (False, True):
            try:
                return read_id_token(
                    token,
                    self._published_keys(fresh=fresh),
                    issuer=self.client.issuer,
                    client_id=self.client.client_id,
                    nonce=flow.nonce,
                    access_token=access_token if isinstance(access_token, str) else None,
                    algorithms=self._described().algorithms,
                    now=now,
                    begun=flow.begun if flow.anew else None,
                )
            except UnknownKey:
                continue
        raise SignOnFailed(
            "The answer of the log-in provider is signed by a key that it does not publish. Begin again."
        )

    def _tokens(self, code: str, flow: Flow) -> Mapping[str, Any]:
        endpoints, client = self._described(), self.client
        way = "none"
        if client.secret:
            # In the header where the provider says nothing, as RFC 8414 has it, and wherever it may be.
            ways = endpoints.authentication
            way = "client_secret_basic" if not ways or "client_secret_basic" in ways else "client_secret_post"
        body = prepare_token_request(
            "authorization_code", "", client.redirect_uri, code=code, code_verifier=flow.verifier
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        uri, headers, body = ClientAuth(client.client_id, client.secret, way).prepare(
            "POST", endpoints.token, headers, body
        )
        answer = self._unless_just_failed(lambda: self._ask(uri, body, headers))
        content = _json(answer)
        if answer.status == 200 and content is not None:
            return content
        error = str((content or {}).get("error", ""))[:80]
        _log.warning("The log-in provider answered a code with %s: %s", answer.status, error or "no reason")
        if error == "invalid_grant":
            raise SignOnFailed(
                "The log-in provider does not take the code: it was used before, or is too old. Begin again."
            )
        raise self._unavailable(f"it answered {answer.status} {error}".rstrip())

    # What it publishes

    def _described(self) -> Endpoints:
        with self._lock:
            if self._endpoints is None or self._clock() >= self._endpoints[0] + _REMEMBERED:
                self._endpoints = (self._clock(), self._unless_just_failed(self._fetch_endpoints))
            return self._endpoints[1]

    def _published_keys(self, *, fresh: bool) -> KeySet:
        uri = self._described().keys
        with self._lock:
            known = self._keys
            age = _REMEMBERED if known is None else self._clock() - known[0]
            if known is None or age >= _REMEMBERED or (fresh and age >= _LET_ALONE):
                known = self._keys = (self._clock(), self._unless_just_failed(lambda: read_keys(self._fetch(uri))))
            return known[1]

    def _unless_just_failed(self, fetch: Callable[[], _T]) -> _T:
        if self._failed is not None and self._clock() < self._failed[0] + _LET_ALONE:
            raise self._unavailable(self._failed[1])
        return fetch()

    def _fetch_endpoints(self) -> Endpoints:
        issuer = self.client.issuer
        published = self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if published.get("issuer") != issuer:
            raise self._failure(f"it calls itself {str(published.get('issuer'))[:200]!r}")
        urls = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint"):
            url = published.get(name)
            if url is None and name == "end_session_endpoint":
                continue
            if not isinstance(url, str) or not is_secure_url(url):
                raise self._failure(f"its {name} is not an https URL")
            urls[name] = url
        return Endpoints(
            urls["authorization_endpoint"],
            urls["token_endpoint"],
            urls["jwks_uri"],
            urls.get("end_session_endpoint"),
            _texts(published.get("id_token_signing_alg_values_supported")) or ALGORITHMS,
            _texts(published.get("token_endpoint_auth_methods_supported")),
        )

    def _fetch(self, url: str) -> Mapping[str, Any]:
        answer = self._ask(url)
        content = _json(answer)
        if answer.status != 200 or content is None:
            raise self._failure(f"{urlsplit(url).path} answered {answer.status}, or no JSON object")
        return content

    def _ask(self, url: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> ServerAnswer:
        try:
            return ask(url, seconds=self.client.seconds, longest=_LONGEST_ANSWER, body=body, headers=headers)
        except NoAnswer as failure:
            raise self._failure(str(failure)) from None

    def _failure(self, reason: str) -> Unavailable:
        """The error of a provider that fails, which is remembered for some seconds."""
        self._failed = (self._clock(), reason)
        _log.warning("The log-in provider %s is not available: %s", self.client.issuer, reason)
        return self._unavailable(reason)

    def _unavailable(self, reason: str) -> Unavailable:
        return Unavailable(
            f"The log-in provider {self.client.issuer} is not available: {reason}. Try again.", retry_after=_RETRY_AFTER
        )


def _json(answer: ServerAnswer) -> Mapping[str, Any] | None:
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
