"""Proof of a signer: the password once more, and the code of an authenticator app where the log-in takes one.

What a request came by is no proof: a session may be left open, Basic credentials are stored in scripts, an API token is
a program's. Attempts count as log-ins do. Users of a log-in provider log in there anew, right before they sign.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from objapi.errors import BadRequest, SignatureRefused
from objapi.security.credentials import Credentials
from objapi.security.identify import Authentication
from objapi.security.principals import LoadedUser
from objapi.security.sessions import PROVED_FOR, spend_proof
from objapi.store.requests import SignerProof

_CLOCK_SKEW: Final = timedelta(minutes=1)
"""Greatest difference between the clocks of two machines that serve one site."""


@dataclass(frozen=True, slots=True)
class ProvenSigner:
    """A proof, and the version of the password that it rests on."""

    proof: SignerProof
    password_version: int


def prove_signer(
    authentication: Authentication, user: LoadedUser, password: str, code: str | None, address: str, now: datetime
) -> ProvenSigner:
    """Check that a user is who sends the request, by password and code; the code is used up.

    Raises SignatureRefused for a wrong or missing one and for who came by an API token, BadRequest for a code of who
    has no app, TooManyAttempts, and Unavailable where codes cannot be checked.
    """
    user_id, check = user.principal.user_id, authentication.password_check
    if user.principal.token is not None:
        raise SignatureRefused("An API token cannot sign: log in, by the form or by Basic, to sign yourself.")
    if not check.taken:
        raise SignatureRefused(
            "Nothing can be signed by a password here: log in once more by the log-in provider, at sign_on?sign=1."
        )
    known = check.verify(Credentials(user_id, password), address, now, code_follows=True)
    if known is None:
        raise SignatureRefused("The password is wrong, so nothing was signed and nothing done.")
    if not known.second_factor:
        if code is not None:
            raise BadRequest.of_parameter("second_factor", "second_factor: your log-in takes none. Nothing was done.")
        return ProvenSigner(SignerProof(user_id, "password"), known.password_version)
    if code is None:
        raise SignatureRefused(
            "Your log-in takes a code: send that of your authenticator app as `second_factor`, beside your password."
        )
    if not authentication.codes.check(user_id, code, address, now):
        raise SignatureRefused("The code is wrong, or was used before. Nothing was signed and nothing done.")
    return ProvenSigner(SignerProof(user_id, "password and code"), known.password_version)


def proven_by_log_in(user: LoadedUser, now: datetime) -> ProvenSigner | None:
    """The proof of somebody who has just logged in anew at the log-in provider, good for one request that signs."""
    session = user.session
    if session is None or session.proved is None:
        return None
    # One that lies ahead was given by a clock that has been set back since: it would hold for too long.
    if not -_CLOCK_SKEW <= now - session.proved <= PROVED_FOR:
        return None
    proof = SignerProof(user.principal.user_id, "sign-on", lambda connection: spend_proof(connection, session))
    return ProvenSigner(proof, user.password_version)
