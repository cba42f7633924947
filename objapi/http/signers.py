"""The proof that a request gives of who signs, checked before its transaction.

That of a password takes a tenth of a second, in which nobody is to hold locks, and attempts are counted in
transactions of their own.
"""

from functools import partial
from typing import Final

from objapi.errors import BadRequest, SignatureRefused
from objapi.http.visitors import Visitor
from objapi.security.signers import ProvenSigner
from objapi.site import Site
from objapi.store.idempotency import RequestKey
from objapi.store.transaction import Transaction

PASSWORD: Final = "password"  # noqa: S105 - the name of a parameter
SECOND_FACTOR: Final = "second_factor"
CREDENTIALS: Final = (PASSWORD, SECOND_FACTOR)
"""Names under which a proof is sent."""


def proven_signer(
    site: Site, visitor: Visitor, password: str | None, code: str | None, key: RequestKey | None
) -> ProvenSigner | None:
    """The proof that a request with credentials gives; None: it has been done already and is only answered again.

    Raises SignatureRefused for a wrong one, BadRequest for a code without a password, TooManyAttempts.
    """
    if password is None:
        raise BadRequest.of_parameter(SECOND_FACTOR, f"{SECOND_FACTOR}: send it with your password. Nothing was done.")
    if key is not None:
        # A code is good once: whoever sends the request again is answered without it.
        user = site.transact(partial(visitor.load, key=key.key), write=False)
        if user.earlier is not None and user.earlier.at > site.answers_are_over():
            return None
    return visitor.prove(password, code)


def sign_with(tx: Transaction, visitor: Visitor, proven: ProvenSigner) -> None:
    """Let a transaction sign with a proof. Raises SignatureRefused when the password has changed since it was given."""
    if visitor.user is None or visitor.user.password_version != proven.password_version:
        raise SignatureRefused("Your password was changed just now. Nothing was signed; send the new one.")
    tx.sign_with(proven.proof)


def refuse_idle(sent: list[str], tx: Transaction) -> None:
    """Raise BadRequest for a proof where nothing is ever signed: nobody is to think that they have signed something."""
    if sent and not tx.takes_signatures:
        message = "no transition of this site takes a signature; send the request without it. Nothing was done."
        raise BadRequest.of_parameter(sent[0], f"{', '.join(sent)}: {message}")


def refuse_in_url(names: list[str]) -> None:
    """Raise BadRequest for credentials in a URL, which logs and histories of browsers store."""
    if names:
        message = "a credential is sent in the body of a POST, never in a URL, which others store. Nothing was done."
        raise BadRequest.of_parameter(names[0], f"{', '.join(names)}: {message}")
