"""The table of settings on the page about production, made from the settings themselves.

`python -m tests.docs.settings_table` writes it anew.
"""

from objapi.settings import SETTINGS
from tests.docs.pages import DOCS

PAGE = DOCS / "production.md"
BEGIN, END = "<!-- settings: begin -->", "<!-- settings: end -->"


def settings_table() -> str:
    """The table as it has to stand on the page."""
    lines = ["| variable | default | meaning | expected |", "| --- | --- | --- | --- |"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "empty"
        lines.append(f"| `{setting.env}` | {default} | {setting.meaning} | {setting.kind.expected} |")
    return "\n".join(lines)


def shown_table() -> str:
    """The table that stands on the page."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def write() -> None:
    """Put the table between its marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{settings_table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write()
