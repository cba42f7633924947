"""Files of the project that one request enters, counted on a sample laboratory without HTTP."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from flask.testing import FlaskClient

from benchmarks.laboratory import laboratory
from benchmarks.structure import PACKAGES, Structure
from objapi.app import create_app

_ROOTS = tuple(f"{Path(__import__(name).__file__ or '').parent}/" for name in PACKAGES)
_USER = ("admin", "secret")

Request = Callable[[FlaskClient, int], Mapping[str, object]]


def count_doors(data: Path) -> dict[str, int]:
    """Request → files entered by it, when it was made once before. The laboratory is made in the directory `data`."""
    with laboratory(data, {"OBJAPI_PROFILES": "lims,mxlive,ispyb"}) as site:
        client = create_app(site=site).test_client()
        return {name: len(_entered(client, request)) for name, request in _REQUESTS.items()}


def doors_table(doors: Mapping[str, int], structure: Structure) -> str:
    """Files entered, and the structure of the packages, for a terminal."""
    single = len(structure.single_importers)
    lines = [f"{count:5} files entered by one {name}" for name, count in doors.items()]
    lines.append(f"{structure.modules:5} modules")
    lines.append(f"{single:5} of them with one importer ({single / structure.modules:.0%})")
    lines.append(f"{sum(map(len, structure.circles)):5} of them in import circles")
    lines += [f"        {', '.join(sorted(circle))}" for circle in structure.circles]
    lines.append(f"{len(structure.doubled_classes):5} class names that several modules define")
    lines += [f"        {name}: {', '.join(modules)}" for name, modules in structure.doubled_classes.items()]
    return "\n".join(lines)


def _entered(client: FlaskClient, request: Request) -> set[str]:
    """The files of functions that a request calls, when a first one has filled caches and imported what it needs."""
    _succeed(request(client, 0))
    with _traced() as files:
        answer = request(client, 1)
    _succeed(answer)
    return files


@contextmanager
def _traced() -> Iterator[set[str]]:
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(_ROOTS):
            files.add(name)

    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)


def _succeed(answer: Mapping[str, object]) -> None:
    if not answer["success"]:
        raise RuntimeError(answer["message"])


def _call(client: FlaskClient, method: str, **parameters: str) -> Mapping[str, object]:
    answer: Mapping[str, object] = client.post(f"/Plone/@@API/{method}", data=parameters, auth=_USER).get_json()
    return answer


_REQUESTS: dict[str, Request] = {
    "create": lambda client, turn: _call(
        client, "create", obj_path="/batches", obj_type="Batch", title=f"Series {turn}"
    ),
    "read": lambda client, _: _call(client, "read", portal_type="Batch", page_size="10"),
    "update": lambda client, turn: _call(client, "update", obj_path="/batches/B-001", Remarks=f"turn {turn}"),
    "transition": lambda client, turn: _call(
        client, "doActionFor", portal_type="Batch", id="B-001", action=("close", "open")[turn]
    ),
}
