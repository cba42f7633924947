"""`file`: the content of a file field, to be saved and never to be shown."""

from objapi.api.call import Call
from objapi.api.replies import Download
from objapi.store.requests import ByPath
from objapi.store.transaction import Transaction


def file(call: Call, tx: Transaction) -> Download:
    """The content of a field of the object whose path stands before the endpoint in the URL.

    The parameter `field` names the field, or the segment behind the method.
    """
    call.refuse_unused()
    field = call.tail[0] if call.tail else call.require_text("field")
    return Download(tx.file(ByPath("/".join(("", *call.target.before))), field))
