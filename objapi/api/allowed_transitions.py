"""`allowedTransitionsFor` and `allowedTransitionsFor_many`: what the caller may do with objects next."""

from objapi.api.call import Call, Json, missing
from objapi.store.requests import ByUid, Offered
from objapi.store.transaction import Transaction


def allowed_transitions(call: Call, tx: Transaction) -> Json:
    """The transitions of each object that `uid` names, in that order; `refused` are those a guard holds back."""
    uids = tuple(dict.fromkeys(call.controls.names("uid")))
    if not uids:
        raise missing("uid")
    offered = tx.offered([ByUid(uid) for uid in uids])
    return call.with_warnings({"transitions": [_described(item) for item in offered]})


def _described(offered: Offered) -> Json:
    return {
        "uid": offered.uid,
        "transitions": [{"id": name, "title": title} for name, title in offered.transitions],
        "refused": [{"id": name, "message": reason} for name, reason in offered.refused],
    }
