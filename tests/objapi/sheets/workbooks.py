"""Workbooks as small as they can be, to be read and to be refused."""

import zipfile
from collections.abc import Iterable
from io import BytesIO
from xml.sax.saxutils import escape

from objapi.sheets.cells import column_letters

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_LINKS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_LINKS}"><sheets>'
    '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_LINKS}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_LINKS}/styles" Target="styles.xml"/></Relationships>',
    # The second style is that of a date.
    "xl/styles.xml": f'{_HEAD}<styleSheet {_MAIN}><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    "</styleSheet>",
}


def workbook(rows: str, shared: str = "", **more: str) -> bytes:
    """A workbook whose sheet has these rows, as XML; `shared` are its shared texts, `more` further parts."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as parts:
        for name, text in {**_PARTS, **more}.items():
            parts.writestr(name, text)
        if shared:
            parts.writestr("xl/sharedStrings.xml", f"{_HEAD}<sst {_MAIN}>{shared}</sst>")
        sheet = f"{_HEAD}<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"
        parts.writestr("xl/worksheets/sheet1.xml", sheet)
    return content.getvalue()


def of_texts(rows: Iterable[Iterable[str]]) -> bytes:
    """A workbook of texts."""
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = "".join(
            f'<c r="{column_letters(place)}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
            for place, text in enumerate(row)
            if text
        )
        lines.append(f'<row r="{number}">{cells}</row>')
    return workbook("".join(lines))
