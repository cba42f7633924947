"""The comparison runs through on a small site, its data are a pure function, and the report shows ratios."""

from pathlib import Path

import pytest

from benchmarks.comparison import Ratio, measure_comparison
from benchmarks.dataset import CUSTOMERS, customer, customer_of, specimen
from benchmarks.driver import Call
from benchmarks.report import plot, ratios_table

RATIOS = [
    Ratio("sqlite", 10_000, "read 10", "ms", 0.001, 0.0015, 1.5),
    Ratio("sqlite", 10_000, "reads by 16 clients", "req/s", 3_000.0, 1_000.0),
]


def test_data_depend_on_their_number_alone() -> None:
    assert specimen(7) == specimen(7)
    assert len({str(specimen(number)["title"]) for number in range(1, 5_000)}) == 4_999
    assert {customer_of(number) for number in range(1, 2 * CUSTOMERS)} == set(range(1, CUSTOMERS + 1))
    assert customer(3)["title"] == "Customer 0003"


def test_the_ratio_says_how_much_dearer_the_gateway_is() -> None:
    assert [round(ratio.ratio, 3) for ratio in RATIOS] == [1.5, 3.0]


def test_the_report_is_a_table_in_markdown() -> None:
    head, rule, first, second = ratios_table(RATIOS).splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")][-3:] == ["gateway", "ratio", "aim"]
    assert set(rule) <= set("|-: ")
    assert [cell.strip() for cell in first.strip("|").split("|")] == [
        "sqlite", "10,000", "read 10", "1.00 ms", "1.50 ms", "1.50", "1.5",
    ]  # fmt: skip
    assert [cell.strip() for cell in second.strip("|").split("|")][3:] == ["3,000/s", "1,000/s", "3.00", ""]


def test_the_plot_is_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "ratios.png"
    plot(RATIOS, "a machine", file)
    assert file.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (Call("/read", {"a": "1 2"}), b"GET /read?a=1+2 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: c\r\n\r\n"),
        (
            Call("/x", {"a": ["1", "2"]}, posts=True),
            (
                b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: c\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&a=2"
            ),
        ),
    ],
)
def test_calls_are_sent_as_http(call: Call, expected: bytes) -> None:
    assert call.encoded("c") == expected


@pytest.mark.extended
def test_gateway_and_floor_answer_every_load() -> None:
    measured = list(measure_comparison("sqlite", [60], seconds=0.05))
    assert {ratio.objects for ratio in measured} == {60}
    assert len({ratio.what for ratio in measured}) == len(measured)
    assert all(ratio.gateway >= 0 and ratio.floor >= 0 for ratio in measured)
