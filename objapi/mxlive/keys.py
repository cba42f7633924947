"""Keys of a project: the public key that verifies its calls, registered once, and the SSH keys of its user."""

from urllib.parse import parse_qs

from sqlalchemy import Connection

from objapi.errors import BadRequest, Forbidden
from objapi.mxlive.accesslists import find_access_list
from objapi.mxlive.calls import DeviceCall, load_gateway, load_project
from objapi.mxlive.finding import find_one
from objapi.mxlive.tokens import Token
from objapi.profiles.mxlive.keys import LONGEST, KeyProblem, read_key
from objapi.security.principals import LoadedUser
from objapi.store.requests import ByUid, UpdateItem
from objapi.store.transaction import Transaction

_LONGEST_FORM = 4 * LONGEST


def register_key(call: DeviceCall) -> bool:
    """Give a project the key with which the request itself is signed; False when the project already has a key.

    Raises BadRequest for an unusable key, Forbidden when the key did not sign the request, NotFound for an unknown
    project. The gateway itself acts: the request proves possession of the key, and before a key is registered nothing
    else could prove who the user is.
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
        # This locks the row to the end of the transaction; a key registered at the same time is visible only now.
        tx.entity(ByUid(project.uid))
        if load_project(tx.connection, site_id, username).key:
            return False
        tx.update([UpdateItem(ByUid(project.uid), {"key": line})])
        call.log(tx, "Modify", "User Key Initialized", ("MxProject", username, username))
        return True

    return call.run(load, store, write=True)


def list_ssh_keys(call: DeviceCall) -> str:
    """The SSH keys of a user, one a line; empty for an unknown user. Raises Forbidden for an address without a list."""

    def listed(tx: Transaction) -> str:
        if find_access_list(tx, call) is None:
            raise Forbidden("Keys are given to addresses with an active access list only.")
        project = find_one(tx, "MxProject", ("sshkeys",), username=call.names.username)
        rows = project["sshkeys"] if project is not None else []
        return "".join(f"{row['key']}\n" for row in rows if row.get("key"))

    return call.run(load_gateway, listed, write=False)


def _public_key(body: bytes) -> str:
    """The field `public` of a form. Raises BadRequest."""
    if len(body) > _LONGEST_FORM:
        raise BadRequest("public: the form is too long for a key.")
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=bool(body), max_num_fields=10, errors="strict")
    except ValueError:
        raise BadRequest("The body is not a form; send the key in its field public.") from None
    values = fields.get("public", [])
    if len(values) != 1 or not values[0].strip():
        raise BadRequest("public: send one public key.")
    line = values[0].strip()
    if not line.isprintable():
        raise BadRequest("public: a key is one line of text.")
    return line
