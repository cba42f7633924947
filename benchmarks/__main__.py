"""`python -m benchmarks`: what the gateway costs. Nothing is judged.

`comparison` measures the gateway and the floor, the bare stack, under the same loads, and prints their ratio.
`laboratory` measures the sample laboratory grown to a size, `facility` the ISPyB tables of a facility, whose sizes are
sessions. `doors` measures the code instead: how many of its files a request enters, and how modules hang together.
Databases are made in a temporary directory or on a private MariaDB server, and removed afterwards.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.comparison import DATABASES, Ratio, empty_database, machine, measure_comparison
from benchmarks.doors import count_doors, doors_table
from benchmarks.facility import facility, fill
from benchmarks.inside import measure_inside
from benchmarks.laboratory import grow, laboratory
from benchmarks.measuring import Measurement, table
from benchmarks.polled import measure_polled
from benchmarks.report import plot, ratios_table
from benchmarks.served import measure_served
from benchmarks.structure import read_structure
from benchmarks.user_portal import measure_portal

COMPARISON = "comparison"
LABORATORY = "laboratory"
FACILITY = "facility"
DOORS = "doors"
SIZES = {COMPARISON: [10_000], LABORATORY: [1_000, 10_000], FACILITY: [1_000], DOORS: []}
"""Subject of a measurement → its default sizes."""


def main() -> int:
    """Measure what the command line asks for; the exit status."""
    arguments = _arguments()
    if arguments.what == DOORS:
        with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name:
            print(doors_table(count_doors(Path(name)), read_structure()))
        return 0
    if arguments.what == COMPARISON:
        return _compare(arguments)
    measurements: list[Measurement] = []
    with _interruptible():
        for database in arguments.databases:
            with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name:
                data = Path(name)
                with empty_database(database, data) as url:
                    measure = _measured_facility if arguments.what == FACILITY else _measured
                    measurements.extend(measure(database, data, {"OBJAPI_DATABASE_URL": url}, arguments))
    print(table(measurements))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    ratios: list[Ratio] = []
    with _interruptible():
        for database in arguments.databases:
            for ratio in measure_comparison(database, arguments.objects, arguments.seconds):
                ratios.append(ratio)
                print(f"{ratio.what}: {ratio.ratio:.2f}", file=sys.stderr)
    print(machine(), ratios_table(ratios), sep="\n\n")
    if arguments.plot is not None and ratios:
        plot(ratios, machine(), arguments.plot)
        print(f"\nPlot: {arguments.plot}", file=sys.stderr)
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("Interrupted; measured so far:", file=sys.stderr)


def _measured(
    database: str, data: Path, environ: Mapping[str, str], arguments: argparse.Namespace
) -> Iterator[Measurement]:
    objects = 0
    with laboratory(data / "var", dict(environ)) as site:
        for size in sorted(arguments.objects):
            objects = grow(site, size, arguments.grow_seconds)
            yield from measure_inside(site, database)
    yield from measure_served(data, environ, database, objects)


def _measured_facility(
    database: str, data: Path, environ: Mapping[str, str], arguments: argparse.Namespace
) -> Iterator[Measurement]:
    with facility(data, dict(environ)) as site:
        for size in sorted(arguments.objects):
            fill(site, size, arguments.collections, arguments.grow_seconds)
            yield from measure_polled(site, database)
        yield from measure_portal(site, database)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "what", nargs="?", choices=SIZES, default=COMPARISON, help=f"what to measure; default: {COMPARISON}"
    )
    sizes = ", ".join(f"{' '.join(map(str, found))} for {what}" for what, found in SIZES.items() if found)
    parser.add_argument("--objects", type=int, nargs="+", metavar="N", help=f"sizes; default: {sizes}")
    parser.add_argument(
        "--databases",
        nargs="+",
        choices=DATABASES,
        default=["sqlite"],
        help="default: sqlite. mariadb is a private server, or the one that OBJAPI_TEST_MARIADB_URL names",
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="comparison: time for each load, side and round; default: 2"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="comparison: draw the ratios into this PNG as well")
    parser.add_argument(
        "--collections",
        type=int,
        default=10,
        metavar="N",
        help="data collections of each session of a facility; default: 10",
    )
    parser.add_argument(
        "--grow-seconds",
        type=float,
        default=240.0,
        help="longest time to grow a laboratory or facility to a size; default: 240. It stays smaller then.",
    )
    arguments = parser.parse_args()
    arguments.objects = arguments.objects or SIZES[arguments.what]
    return arguments


if __name__ == "__main__":
    sys.exit(main())
