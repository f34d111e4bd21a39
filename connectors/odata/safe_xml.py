"""XML from outside: a document with a DTD is refused, so no entity is ever expanded or fetched."""

from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser


class _Builder(TreeBuilder):
    """Builds elements; a DOCTYPE ends the reading before its entities are seen."""

    def doctype(self, *_: object) -> NoReturn:
        raise ValueError("the document has a DTD, which is not read")


def read_xml(document: bytes) -> Element:
    """The root element of a document.

    Raises:
        ValueError: if it is not well formed, or has a DTD.
    """
    parser = XMLParser(target=_Builder())  # noqa: S314 - the builder refuses any DTD
    try:
        parser.feed(document)
        return parser.close()
    except ParseError as exc:
        raise ValueError(f"not well-formed XML: {exc}") from exc


def local_name(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
