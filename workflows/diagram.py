"""Pictures of a workflow as text: Mermaid source and SVG. All names are escaped.

Nothing in a definition becomes markup.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from workflows.definition import State, Transition, Workflow


def _edges(workflow: Workflow) -> Iterator[tuple[State, Transition, State]]:
    """Every transition that a state lists, with source and target; those that lead nowhere are left out."""
    for state in workflow.states.values():
        for name in dict.fromkeys(state.exits):
            transition = workflow.transitions.get(name)
            target = workflow.states.get((transition.new_state if transition else None) or state.id)
            if transition is not None and target is not None:
                yield state, transition, target


def _title(item: State | Transition | Workflow) -> str:
    """The title on one line, without characters that XML does not allow."""
    text = " ".join((item.title or item.id).split())
    return "".join(char for char in text if char.isprintable()) or "?"


def _label(transition: Transition) -> str:
    return f"{_title(transition)} (automatic)" if transition.automatic else _title(transition)


def mermaid(workflow: Workflow) -> str:
    """A Mermaid `stateDiagram-v2`: states by title, transitions by title."""
    names = {name: f"s{number}" for number, name in enumerate(workflow.states)}
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{_mermaid_text(_title(state))}" as {names[name]}' for name, state in workflow.states.items()]
    if workflow.initial_state in names:
        lines.append(f"    [*] --> {names[workflow.initial_state]}")
    for source, transition, target in _edges(workflow):
        lines.append(f"    {names[source.id]} --> {names[target.id]}: {_mermaid_text(_label(transition))}")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Text for Mermaid: whatever it could read as syntax is written as a character reference."""
    return "".join(char if char.isalnum() or char in " _-.,()/" else f"#{ord(char)};" for char in text)


WIDTH = 220
ROW = 20
HEAD = 30
GAP_X = 110
GAP_Y = 30
MARGIN = 30
_CHARACTERS = 28

_STYLE = (
    "text{font:12px sans-serif;fill:#222}.t{font-weight:bold}.i{fill:#dcecdc}.b{fill:#f4f6f8;stroke:#667}"
    ".h{fill:#dfe6ee}.e{fill:none;stroke:#567;stroke-width:1.2}.a{stroke-dasharray:5 3}"
)


@dataclass(frozen=True, slots=True)
class _Card:
    """A state as a box at x, y: its title above, one row for each transition it offers."""

    state: State
    rows: tuple[tuple[Transition, State], ...]
    x: int
    y: int

    @property
    def height(self) -> int:
        return HEAD + ROW * len(self.rows) + 8

    def row_y(self, number: int) -> int:
        return self.y + HEAD + ROW * number + ROW // 2


def svg(workflow: Workflow) -> str:
    """An SVG document.

    States in columns by their distance from the initial state, a row and an arrow for each transition.

    Automatic transitions are dashed; a transition that stays in its state has a row and no arrow.
    """
    cards = _cards(workflow)
    width = max((card.x + WIDTH for card in cards.values()), default=0) + GAP_X
    height = max((card.y + card.height for card in cards.values()), default=0) + MARGIN
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img"><title>{escape(_title(workflow))}</title><style>{_STYLE}</style>'
        ),
        (
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>'
        ),
    ]
    parts += [part for card in cards.values() for part in _card_parts(card, workflow.initial_state)]
    parts += [part for card in cards.values() for part in _arrow_parts(card, cards)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _columns(workflow: Workflow) -> list[list[str]]:
    """State ids by distance from the initial state; those that cannot be reached from it come last."""
    following: dict[str, list[str]] = {name: [] for name in workflow.states}
    for source, _, target in _edges(workflow):
        following[source.id].append(target.id)
    columns: list[list[str]] = []
    seen: set[str] = set()
    column = [workflow.initial_state] if workflow.initial_state in workflow.states else []
    while column:
        columns.append(column)
        seen.update(column)
        column = [name for name in dict.fromkeys(n for item in column for n in following[item]) if name not in seen]
    rest = [name for name in workflow.states if name not in seen]
    return [*columns, rest] if rest else columns


def _cards(workflow: Workflow) -> dict[str, _Card]:
    rows: dict[str, list[tuple[Transition, State]]] = {name: [] for name in workflow.states}
    for source, transition, target in _edges(workflow):
        rows[source.id].append((transition, target))
    cards: dict[str, _Card] = {}
    for number, column in enumerate(_columns(workflow)):
        y = MARGIN
        for name in column:
            card = _Card(workflow.states[name], tuple(rows[name]), MARGIN + number * (WIDTH + GAP_X), y)
            cards[name] = card
            y += card.height + GAP_Y
    return cards


def _card_parts(card: _Card, initial_state: str) -> Iterator[str]:
    kind = "i" if card.state.id == initial_state else "h"
    yield f'<rect class="b" x="{card.x}" y="{card.y}" width="{WIDTH}" height="{card.height}" rx="5"/>'
    yield f'<rect class="{kind}" x="{card.x + 1}" y="{card.y + 1}" width="{WIDTH - 2}" height="{HEAD - 6}" rx="4"/>'
    yield f'<text class="t" x="{card.x + 8}" y="{card.y + 18}">{_svg_text(_title(card.state))}</text>'
    for number, (transition, target) in enumerate(card.rows):
        arrow = "↻" if target.id == card.state.id else "→"
        label = _svg_text(f"{arrow} {_label(transition)}")
        yield f'<text x="{card.x + 8}" y="{card.row_y(number) + 4}">{label}</text>'


def _arrow_parts(card: _Card, cards: dict[str, _Card]) -> Iterator[str]:
    for number, (transition, target) in enumerate(card.rows):
        if target.id == card.state.id:
            continue
        other = cards[target.id]
        x, y, end_y = card.x + WIDTH, card.row_y(number), other.y + HEAD // 2
        if other.x > card.x:
            bend = (other.x - x) // 2
            path = f"M{x} {y}C{x + bend} {y} {other.x - bend} {end_y} {other.x} {end_y}"
        else:
            end_x = other.x + WIDTH
            path = f"M{x} {y}C{x + GAP_X // 2} {y} {end_x + GAP_X // 2} {end_y} {end_x} {end_y}"
        kind = "e a" if transition.automatic else "e"
        tip = f"{_title(card.state)} → {_title(target)}: {_label(transition)}"
        yield f'<path class="{kind}" d="{path}" marker-end="url(#arrow)"><title>{escape(tip)}</title></path>'


def _svg_text(text: str) -> str:
    """Text cut to what fits a card."""
    return escape(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…")
