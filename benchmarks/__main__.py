"""`python -m benchmarks`: how long the usual requests take, and how many SQL statements they need.

Nothing is judged. The database is SQLite in a temporary directory and, when a URL is given, an empty MariaDB or MySQL
database, in which everything stays that was made. At most `--seconds` are spent on growing to a size. What grows is
the sample laboratory, or, by `python -m benchmarks facility`, the ISPyB tables of a facility, whose sizes are sessions.
`python -m benchmarks doors` measures the code instead: how many of its files a request enters, and how modules hang
together.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.doors import count_doors, doors_table
from benchmarks.facility import facility, fill
from benchmarks.inside import measure_inside
from benchmarks.laboratory import NotEmpty, grow, laboratory
from benchmarks.measuring import Measurement, table
from benchmarks.polled import measure_polled
from benchmarks.served import measure_served
from benchmarks.structure import read_structure
from benchmarks.user_portal import measure_portal

URL_VARIABLE = "OBJAPI_TEST_BENCHMARK_URL"
LABORATORY = "laboratory"
FACILITY = "facility"
DOORS = "doors"
SIZES = {LABORATORY: [1_000, 100_000], FACILITY: [1_000], DOORS: []}
"""Subject of a measurement → its default sizes."""


def main() -> int:
    """Measure what the command line asks for; the exit status."""
    arguments = _arguments()
    if arguments.what == DOORS:
        with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name:
            print(doors_table(count_doors(Path(name)), read_structure()))
        return 0
    databases: dict[str, dict[str, str]] = {"sqlite": {}}
    if arguments.database_url:
        databases["mariadb"] = {"OBJAPI_DATABASE_URL": arguments.database_url}
    measurements: list[Measurement] = []
    try:
        for database, environ in databases.items():
            if arguments.what == FACILITY:
                measured = _measured_facility(database, environ, arguments)
            else:
                measured = _measured(database, environ, arguments.objects, arguments.seconds)
            measurements.extend(measured)
    except NotEmpty as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; measured so far:", file=sys.stderr)
    print(table(measurements))
    return 0


def _measured(database: str, environ: dict[str, str], sizes: list[int], seconds: float) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name:
        data = Path(name)
        objects = 0
        with laboratory(data / "var", environ) as site:
            for size in sorted(sizes):
                objects = grow(site, size, seconds)
                yield from measure_inside(site, database)
        yield from measure_served(data, environ, database, objects)


def _measured_facility(database: str, environ: dict[str, str], arguments: argparse.Namespace) -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory(prefix="objapi-benchmarks-") as name, facility(Path(name), environ) as site:
        for size in sorted(arguments.objects):
            fill(site, size, arguments.collections, arguments.seconds)
            yield from measure_polled(site, database)
        yield from measure_portal(site, database)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "what", nargs="?", choices=SIZES, default=LABORATORY, help=f"what to measure; default: {LABORATORY}"
    )
    parser.add_argument(
        "--objects",
        type=int,
        nargs="+",
        metavar="N",
        help="sizes; default: 1000 100000, for a facility 1000 sessions",
    )
    parser.add_argument(
        "--collections",
        type=int,
        default=10,
        metavar="N",
        help="data collections of each session of a facility; default: 10",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=240.0,
        help="longest time to grow to a size; default: 240. It stays smaller then.",
    )
    parser.add_argument(
        "--database-url",
        default=os.environ.get(URL_VARIABLE),
        help=f"an empty MariaDB or MySQL database to measure as well; default: {URL_VARIABLE}",
    )
    arguments = parser.parse_args()
    arguments.objects = arguments.objects or SIZES[arguments.what]
    return arguments


if __name__ == "__main__":
    sys.exit(main())
