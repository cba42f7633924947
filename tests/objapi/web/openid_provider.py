"""A small OpenID Connect provider on this machine, which a test can make answer wrongly."""

import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID, SECRET = "gateway", "a secret of the gateway"
KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True) for _ in range(2))
Sign = Callable[[dict[str, Any]], str]


class OpenIdProvider:
    """Its keys, the codes that it gave, and what it does wrong."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []
        self.well()

    def well(self) -> None:
        """Answer as a provider that works."""
        self.keys = [KEY]
        self.sign: Sign = self.signed_by(KEY)
        self.claims: dict[str, Any] = {}
        self.description: dict[str, Any] = {}
        self.raw: tuple[int, bytes] | None = None

    @staticmethod
    def signed_by(key: RSAKey, **header: str) -> Sign:
        registry = JWSRegistry(strict_check_header=False)
        registry.max_payload_length = 256 * 1024
        return lambda claims: jwt.encode({"alg": "RS256", "kid": key.kid} | header, claims, key, registry=registry)

    def log_in(self, url: str, subject: str) -> str:
        """Do what a browser does with an authorization URL when somebody logs in: the query that leads back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.issuer}/authorize?")
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT_ID)
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query | {"sub": subject}
        return urlencode({"code": code, "state": query["state"], "iss": self.issuer})

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.description

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            return 200, self.document()
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        client = b64decode(authorization.removeprefix("Basic ")).decode()
        if client != f"{CLIENT_ID}:{SECRET}":
            return 401, {"error": "invalid_client"}
        # A code is good once, for the redirection and the challenge that it was asked for with.
        asked = self.codes.pop(form["code"], None)
        digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if asked is None or asked["redirect_uri"] != form["redirect_uri"] or asked["code_challenge"] != digest:
            return 400, {"error": "invalid_grant"}
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.issuer, "sub": asked["sub"], "aud": CLIENT_ID, "exp": now + 300, "iat": now}
        claims |= {"nonce": asked["nonce"]} | self.claims
        kept = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.sign(kept)}


@contextmanager
def serving() -> Iterator[OpenIdProvider]:
    """The provider, served on a free port of the loopback address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(sent).items()})

        def _answer(self, form: dict[str, str]) -> None:
            provider.asked.append(self.path)
            status, content = provider.answer(self.path, form, self.headers.get("Authorization", ""))
            body = json.dumps(content).encode()
            if provider.raw is not None:
                status, body = provider.raw
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{provider.issuer}/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenIdProvider(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
