"""`getusers`: who has a role."""

from objapi.api.call import Call, Json, missing
from objapi.store.transaction import Transaction


def getusers(call: Call, tx: Transaction) -> Json:
    """The users that have one of `roles`, by full name."""
    roles = call.controls.names("roles")
    if not roles:
        raise missing("roles")
    return call.with_warnings(
        {"users": [{"userid": user_id, "fullname": fullname} for user_id, fullname in tx.users(roles)]}
    )
