"""Small XML documents as trees of nodes that know their line.

Parsed by defusedxml, so no DTD, entity or external reference.
"""

from dataclasses import dataclass, field
from io import BytesIO
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, ErrorHandler
from xml.sax.xmlreader import AttributesImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import parse as parse_safely

from workflows.errors import DefinitionError

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32


@dataclass(slots=True)
class XmlElement:
    """An element: tag (with its prefix), attributes, the text directly in it, children, and the line it starts on."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["XmlElement"] = field(default_factory=list)

    def all(self, tag: str) -> list["XmlElement"]:
        """The children of that tag, in order."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> "XmlElement | None":
        """The first child of that tag, or None."""
        return next((child for child in self.children if child.tag == tag), None)

    def content(self) -> str:
        """The text with the leading blanks of each line and the blanks at the end taken away."""
        return "".join(line.lstrip() for line in self.text.splitlines(keepends=True)).rstrip()


class _Builder(ContentHandler):
    """Builder of the tree; the method names are those that SAX calls."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.root: XmlElement | None = None
        self.open: list[XmlElement] = []
        self.locator: Locator | None = None

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802
        self.locator = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        line = (self.locator.getLineNumber() if self.locator else None) or 0
        if len(self.open) >= MAX_DEPTH:
            raise DefinitionError(self.source, line, f"elements are nested deeper than {MAX_DEPTH}")
        node = XmlElement(name, dict(attrs.items()), line)
        if self.open:
            self.open[-1].children.append(node)
        else:
            self.root = node
        self.open.append(node)

    def endElement(self, name: str) -> None:  # noqa: N802
        self.open.pop()

    def characters(self, content: str) -> None:
        if self.open:
            self.open[-1].text += content


def parse(data: bytes, source: str) -> XmlElement:
    """The root node of a document.

    DefinitionError with line and cause for anything that is not a plain well-formed document of bounded size.
    """
    if len(data) > MAX_BYTES:
        raise DefinitionError(source, None, f"it has {len(data)} bytes, more than the {MAX_BYTES} accepted")
    builder = _Builder(source)
    try:
        parse_safely(BytesIO(data), builder, ErrorHandler(), forbid_dtd=True)
    except DefusedXmlException as error:
        line = builder.locator.getLineNumber() if builder.locator else None
        raise DefinitionError(
            source, line, f"document types and entities are refused ({type(error).__name__})"
        ) from error
    except SAXParseException as error:
        raise DefinitionError(source, error.getLineNumber(), error.getMessage()) from error
    except (SAXException, LookupError, ValueError) as error:
        raise DefinitionError(source, None, str(error)) from error
    if builder.root is None:
        raise DefinitionError(source, None, "there is no element in it")
    return builder.root
