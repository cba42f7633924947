"""The report of the comparison: gateway, floor and their ratio as a table in Markdown and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.comparison import Ratio

_HEAD: Final = ("database", "objects", "load", "floor", "gateway", "ratio", "aim")


def ratios_table(ratios: Sequence[Ratio]) -> str:
    """The ratios as a Markdown table: one row each."""
    rows = [_cells(ratio) for ratio in ratios]
    widths = [max(len(row[place]) for row in (_HEAD, *rows)) for place in range(len(_HEAD))]
    lines = [
        _line(_HEAD, widths),
        _line([*("-" * width for width in widths[:3]), *(f"{'-' * (width - 1)}:" for width in widths[3:])], widths),
    ]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if place > 2 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def _cells(ratio: Ratio) -> tuple[str, ...]:
    if ratio.unit == "ms":
        floor, gateway = (f"{1000 * seconds:,.2f} ms" for seconds in (ratio.floor, ratio.gateway))
    elif ratio.unit == "MB":
        floor, gateway = (f"{value:,.0f} MB" for value in (ratio.floor, ratio.gateway))
    else:
        floor, gateway = (f"{value:,.0f}/s" for value in (ratio.floor, ratio.gateway))
    aim = "" if ratio.aim is None else f"{ratio.aim:.1f}"
    return (ratio.database, f"{ratio.objects:,}", ratio.what, floor, gateway, f"{ratio.ratio:.2f}", aim)


def plot(ratios: Sequence[Ratio], machine: str, file: Path) -> None:
    """Draw the ratios as bars, one panel for each database and size, with a mark where the aim is."""
    # Imported here: the table needs no drawing library.
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels: dict[tuple[str, int], list[Ratio]] = {}
    for ratio in ratios:
        panels.setdefault((ratio.database, ratio.objects), []).append(ratio)
    tallest = max(len(panel) for panel in panels.values())
    figure = Figure(figsize=(7 * len(panels), 1.5 + 0.35 * tallest), layout="constrained")
    for axes, ((database, objects), panel) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        places = range(len(panel))
        axes.barh(places, [ratio.ratio for ratio in panel], color="#4878a8")
        for place, ratio in zip(places, panel, strict=True):
            axes.text(ratio.ratio, place, f" {ratio.ratio:.2f}", va="center", fontsize=8)
            if ratio.aim is not None:
                axes.plot([ratio.aim, ratio.aim], [place - 0.4, place + 0.4], color="#b03030", linewidth=2)
        axes.set_yticks(places, [ratio.what for ratio in panel])
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xlabel("gateway ÷ floor (red: the aim)")
        axes.set_title(f"{database}, {objects:,} objects")
    figure.suptitle(machine, fontsize=9)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
