"""Parameters by which signers prove who they are."""

from typing import Final

from flask import request

from objapi.api.method import Method, MethodCall
from objapi.api.parameters import Control, Controls, read_form
from objapi.http.signers import PASSWORD, SECOND_FACTOR, refuse_idle, refuse_in_url
from objapi.settings import Settings
from objapi.store.transaction import Transaction

PROOF: Final = (
    Control(
        PASSWORD,
        "text",
        about="The caller's password once more, to sign what takes a signature; in the body of a POST alone.",
        secret=True,
    ),
    Control(
        SECOND_FACTOR,
        "text",
        about="Beside the password, the code of the authenticator app of who has one.",
        secret=True,
    ),
)


def refuse_secrets_in_url(method: Method, controls: Controls, settings: Settings) -> None:
    """Raise BadRequest for a credential in the URL of this request."""
    sent = sorted(method.secret_parameters & controls.sent)
    query = read_form("GET", request.query_string, None, b"", settings)
    refuse_in_url([name for name in sent if request.method != "POST" or query.has_any({name, f"{name}[]"})])


def refuse_idle_proof(call: MethodCall, tx: Transaction) -> None:
    """Raise BadRequest for a proof where nothing is ever signed."""
    refuse_idle([control.name for control in PROOF if control.name in call.controls.sent], tx)
