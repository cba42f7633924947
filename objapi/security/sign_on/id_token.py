"""The ID token of a provider, checked: signature by joserfc, claims by Authlib (OpenID Connect Core 3.1.3.7). Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry

from objapi.errors import SignOnFailed
from objapi.security.sign_on.provider_account import LONGEST_SUBJECT, ProviderAccount

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Algorithms that are taken: signatures by a key that the provider alone has. `none`, and those by a shared secret, are
never among them, whatever a token says."""

_KINDS: Final = ("RSA", "EC", "OKP")
_LONGEST_HEADER: Final = 16 * 1024
"""Characters of the header; it may hold certificates."""
_LONGEST_CLAIMS: Final = 256 * 1024
"""Characters of the claims; somebody may be in very many groups."""
_LEEWAY: Final = 60
"""Seconds by which the clocks of both may differ."""
_CLOCKS: Final = 15
"""The same where somebody is to have logged in just now: who has lately done so for something else must not do."""


class UnknownKey(Exception):
    """A token signed by a key that is not among those known; the provider may have a new one."""


def read_keys(published: object) -> KeySet:
    """The keys for signatures of a published key set; those of kinds that are not known are left out."""
    listed = published.get("keys") if isinstance(published, dict) else None
    keys: list[Key] = []
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("kty") in _KINDS and entry.get("use") in (None, "sig"):
            try:
                keys.append(JWKRegistry.import_key(entry))
            except (JoseError, ValueError, TypeError):
                continue
    return KeySet(keys)


def read_id_token(
    token: str,
    keys: KeySet,
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    access_token: str | None,
    algorithms: Sequence[str],
    now: datetime,
    begun: int | None = None,
) -> ProviderAccount:
    """Whom a token is about, once it is shown to be the provider's, for this client, and for this log-in.

    `begun`: seconds since 1970 UTC before which nobody may have logged in at the provider; None: whenever it was.
    Raises UnknownKey, and SignOnFailed for whatever else is wrong with it.
    """
    taken = [name for name in algorithms if name in ALGORITHMS]
    # joserfc takes no names for names of its own choice.
    if not taken:
        raise SignOnFailed("The log-in provider signs by no algorithm that is taken here; it should by RS256 or ES256.")
    # A header may have fields that are not known, which are to be ignored (RFC 7515 section 4).
    registry = JWSRegistry(algorithms=taken, strict_check_header=False)
    registry.max_header_length, registry.max_payload_length = _LONGEST_HEADER, _LONGEST_CLAIMS
    try:
        decoded = jwt.decode(token, keys, registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}},
            {"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(now=int(now.timestamp()), leeway=_LEEWAY)
    except InvalidKeyIdError:
        raise UnknownKey from None
    except (JoseError, ValueError, TypeError) as error:
        raise SignOnFailed(f"The answer of the log-in provider is not valid ({error}). Begin again.") from error
    if begun is not None:
        _require_later_log_in(claims.get("auth_time"), begun)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise SignOnFailed("The answer of the log-in provider names nobody. Begin again.")
    return ProviderAccount(issuer, subject, dict(claims))


def _require_later_log_in(auth_time: object, begun: int) -> None:
    if isinstance(auth_time, bool) or not isinstance(auth_time, int | float):
        raise SignOnFailed(
            "The log-in provider does not say when you have logged in (auth_time), so that nothing can be signed by it."
        )
    if auth_time < begun - _CLOCKS:
        raise SignOnFailed("The log-in provider has not let you log in anew, which it takes to sign. Begin again.")
