"""Parameters by which signers prove who they are, and the proof that a request gives by them.

The proof is checked before the transaction of the request: that of a password takes a tenth of a second, in which
nobody is to hold locks, and attempts are counted in transactions of their own.
"""

from functools import partial
from typing import Final

from flask import request

from objapi.api.method import Method, MethodCall
from objapi.api.parameters import Control, Controls, read_form
from objapi.errors import BadRequest, SignatureRefused
from objapi.http.visitors import Visitor
from objapi.security.signers import ProvenSigner
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.idempotency import RequestKey
from objapi.store.transaction import Transaction

PROOF: Final = (
    Control(
        "password",
        "text",
        about="The caller's password once more, to sign what takes a signature; in the body of a POST alone.",
        secret=True,
    ),
    Control(
        "second_factor",
        "text",
        about="Beside the password, the code of the authenticator app of who has one.",
        secret=True,
    ),
)


def refuse_in_url(method: Method, controls: Controls, settings: Settings) -> None:
    """Raise BadRequest for a credential in the URL of this request, which logs and histories of browsers store."""
    sent = sorted(method.secret_parameters & controls.sent)
    query = read_form("GET", request.query_string, None, b"", settings)
    in_url = [name for name in sent if request.method != "POST" or query.has_any({name, f"{name}[]"})]
    if in_url:
        message = "a credential is sent in the body of a POST, never in a URL, which others store. Nothing was done."
        raise BadRequest.of_parameter(in_url[0], f"{', '.join(in_url)}: {message}")


def refuse_idle_proof(call: MethodCall, tx: Transaction) -> None:
    """Raise BadRequest for a proof where nothing is ever signed: nobody is to think that they have signed something."""
    sent = [control.name for control in PROOF if control.name in call.controls.sent]
    if sent and not tx.takes_signatures:
        message = "no transition of this site takes a signature; send the request without it. Nothing was done."
        raise BadRequest.of_parameter(sent[0], f"{', '.join(sent)}: {message}")


def proven_signer(site: Site, visitor: Visitor, controls: Controls, key: RequestKey | None) -> ProvenSigner | None:
    """The proof that a request with credentials gives; None: it has been done already and is only answered again.

    Raises SignatureRefused for a wrong one, BadRequest for a code without a password, TooManyAttempts.
    """
    password, code = controls.text("password"), controls.text("second_factor")
    if password is None:
        raise BadRequest.of_parameter("second_factor", "second_factor: send it with your password. Nothing was done.")
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
