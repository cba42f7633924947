"""The method `openapi.json`: all methods and types for programs that make clients, forms or tests of them."""

from typing import Final

from objapi.api.description.document import document
from objapi.api.method import Document, Method, MethodCall
from objapi.http.access import API
from objapi.security.needs import Need
from objapi.store.transaction import Transaction


def openapi(call: MethodCall, tx: Transaction) -> Document:
    """The description of the methods and types of this site, as an OpenAPI 3.1 document."""
    call.refuse_unused()
    return document(tx.registry, call.methods, call.method_url())


DESCRIPTION: Final = (
    Method(
        name="openapi.json",
        access=API,
        needs=(Need.NOTHING,),
        media_types=("application/json",),
        tagged=True,
        run=openapi,
    ),
)
