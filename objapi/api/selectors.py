"""Which object a call means: by path, by UID, or by type and id."""

from objapi.api.call import Call, missing
from objapi.errors import BadRequest, Conflict
from objapi.store.requests import ByCriteria, ByPath, ByUid, Selector
from objapi.store.transaction import Transaction


def selected(call: Call, tx: Transaction) -> Selector:
    """The object that `obj_path`, or `obj_uid` or `UID`, names.

    Both may be sent when they name the same object. Raises BadRequest when neither is there or they disagree.
    """
    path, uid = call.controls.text("obj_path"), call.controls.text("obj_uid")
    if path is None and uid is None:
        raise missing("obj_path")
    if uid is None:
        return ByPath(path or "")
    if path is not None and tx.entity(ByPath(path)).uid != tx.entity(ByUid(uid)).uid:
        raise BadRequest.of_parameter("obj_uid", "obj_path and obj_uid name different objects; send one of them.")
    return ByUid(uid)


def selected_for_update(call: Call, tx: Transaction) -> Selector:
    """As `selected`; without path and UID, `obj_type` and `id` name the one object of that type with that id."""
    controls = call.controls
    given_id, portal_type = controls.text("id"), controls.text("obj_type")
    if controls.text("obj_path") is None and controls.text("obj_uid") is None and portal_type is not None:
        if given_id is None:
            raise missing("id")
        return ByCriteria(portal_type, {"id": given_id})
    if given_id is not None:
        raise BadRequest.of_parameter(
            "id", "id: an object keeps its id. To select an object by its id send obj_type as well, and no obj_path."
        )
    return selected(call, tx)


def expected_version(call: Call) -> int | None:
    """The version that the object must have, by the parameter `version` or the header If-Match (RFC 9110 13.1.1).

    Raises BadRequest for a version that is no number, Conflict for an If-Match that no version of ours can match.
    """
    sent = call.controls.text("version")
    if sent is not None:
        if not (sent.isascii() and sent.isdigit() and len(sent) < 10):
            raise BadRequest.of_parameter("version", f"version: a whole number is expected, not {sent[:40]!r}.")
        return int(sent)
    if call.if_match is None or call.if_match.strip() == "*":
        return None
    tag = call.if_match.strip().strip('"')
    if not (tag.isascii() and tag.isdigit() and len(tag) < 10):
        raise Conflict("If-Match names no version of the object; read it again. A version is a whole number.")
    return int(tag)
