"""Registering the public key of a project, once."""

from urllib.parse import parse_qs

from sqlalchemy import Connection

from objapi.errors import BadRequest
from objapi.mxlive.callers import load_gateway, load_project
from objapi.mxlive.calls import Call
from objapi.mxlive.tokens import Token
from objapi.profiles.mxlive.keys import LONGEST, KeyProblem, read_key
from objapi.security.principals import LoadedUser
from objapi.store.requests import ByUid, UpdateItem
from objapi.store.transaction import Transaction

_LONGEST_FORM = 4 * LONGEST


def register_key(call: Call) -> bool:
    """Give a project the key with which the request itself is signed; False when it has one already.

    Raises BadRequest for what is no key, Forbidden when it did not sign the request, NotFound without such a project.
    The gateway itself does it: the caller proves to hold the key, and before that nobody can prove to be the user.
    """
    line = _public_key(call.body)
    try:
        key = read_key(line)
    except KeyProblem as problem:
        raise BadRequest(f"public: {problem}.") from None
    Token.read(call.names.token).verify(key, call.names.username, call.now, call.limits)
    site_id, username = call.settings.site_id, call.names.username

    def load(connection: Connection) -> LoadedUser:
        load_project(connection, site_id, username)
        return load_gateway(connection, username)

    def store(tx: Transaction) -> bool:
        project = load_project(tx.connection, site_id, username)
        # From here to the end of the transaction the row is ours; only now can it be said whether there is a key.
        tx.entity(ByUid(project.uid))
        if load_project(tx.connection, site_id, username).key:
            return False
        tx.update([UpdateItem(ByUid(project.uid), {"key": line})])
        call.log(tx, "Modify", "User Key Initialized", ("MxProject", username, username))
        return True

    return call.run(load, store, write=True)


def _public_key(body: bytes) -> str:
    """The field `public` of a form. Raises BadRequest."""
    if len(body) > _LONGEST_FORM:
        raise BadRequest("public: the form is too long for a key.")
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=bool(body), max_num_fields=10, errors="strict")
    except ValueError:
        raise BadRequest("The body is no form; send the key in its field public.") from None
    values = fields.get("public", [])
    if len(values) != 1 or not values[0].strip():
        raise BadRequest("public: send one public key.")
    line = values[0].strip()
    if not line.isprintable():
        raise BadRequest("public: a key is one line of text.")
    return line
