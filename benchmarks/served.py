"""Measurements of the sample laboratory over HTTP, on a server of its own process: time as a client sees it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final

import orjson

from benchmarks.driver import Call, Client, log_in, served
from benchmarks.inside import MANY, SERVICES
from benchmarks.measuring import Measurement, repeated
from objapi.progress import progress

PANEL: Final = 184
"""Analyses of a large request: published is one that took a historic server 65 s."""
OFFERED: Final = 200

_API: Final = "/Plone/@@API"
_SERVICES: Final = "/bika_setup/bika_analysisservices"


def measure_served(data: Path, environ: Mapping[str, str], database: str, objects: int) -> Iterator[Measurement]:
    """The measurements on a site that was made before, in the directory `data`."""
    begun = time.perf_counter()
    command = ["objapi", "serve", "--demo", "--data", str(data / "var")]
    with served(command, data / "log", {**environ, "OBJAPI_WORKERS": "1"}) as server:
        yield Measurement(database, objects, "HTTP: start-up", (time.perf_counter() - begun,))
        form = {"form.submitted": "1", "__ac_name": "admin", "__ac_password": "secret"}
        client = Client(server.port, log_in(server.port, "/Plone/login_form", form))
        works = _works(client)
        with progress(f"Measuring {database} over HTTP", len(works)) as advance:
            for what, work, repeats in works:
                if repeats > 1:
                    work()
                yield Measurement(database, objects, f"HTTP: {what}", repeated(work, repeats=repeats))
                advance(1)


def _works(client: Client) -> list[tuple[str, Callable[[], object], int]]:
    """Loads in order, with their repetitions; one that is done once goes on where the former ended."""
    batches = _read(client, portal_type="Batch", review_state="open", page_size=MANY, include_fields="id,UID")
    paths = [found["path"] for found in batches]
    uids = json.dumps([found["UID"] for found in batches[:OFFERED]])
    turns, panel = count(), _Panel(client)

    def update() -> object:
        remarks = {path: {"Remarks": f"call {next(turns)}"} for path in paths}
        return _post(client, "update_many", input_values=json.dumps(remarks))

    return [
        ("read 10", lambda: _read(client, portal_type="Batch"), 20),
        (f"update_many of {len(paths):,}", update, 3),
        (f"allowedTransitionsFor_many of {OFFERED}", lambda: _post(client, "allowedTransitionsFor_many", uid=uids), 5),
        ("create a request with 5 analyses", lambda: _create(client, SERVICES), 20),
        (f"create a request with {PANEL} analyses", panel.create, 1),
        ("receive it", panel.receive, 1),
        ("write its results", panel.write_results, 1),
        ("submit them", panel.submit, 1),
    ]


class _Panel:
    """A request with many analyses, from its creation to the submission of its results."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._titles = [f"Element {number}" for number in range(PANEL)]
        for number, title in enumerate(self._titles):
            values = {"Keyword": f"El{number}", "Category": "portal_type:AnalysisCategory|title:Metals"}
            values |= {"PointOfCapture": "lab", "Price": "12.00"}
            _post(client, "create", obj_path=_SERVICES, obj_type="AnalysisService", title=title, **values)
        self._path = ""
        self._analyses: list[str] = []

    def create(self) -> None:
        self._path = str(_create(self._client, self._titles)["path"])

    def receive(self) -> None:
        _post(self._client, "doActionFor_many", obj_paths=json.dumps([self._path]), action="receive")
        found = _read(self._client, portal_type="Analysis", path=self._path, page_size=MANY, include_fields="id",
                      catalog_name="bika_analysis_catalog")  # fmt: skip
        self._analyses = [analysis["path"] for analysis in found]

    def write_results(self) -> None:
        results = {path: {"Result": f"{place}.5"} for place, path in enumerate(self._analyses)}
        _post(self._client, "update_many", input_values=json.dumps(results))

    def submit(self) -> None:
        _post(self._client, "doActionFor_many", obj_paths=json.dumps(self._analyses), action="submit")


def _post(client: Client, method: str, **values: object) -> Mapping[str, object]:
    answer: Mapping[str, object] = orjson.loads(client.ask(Call(f"{_API}/{method}", values, posts=True)))
    return answer


def _read(client: Client, **asked: object) -> list[dict[str, str]]:
    found: list[dict[str, str]] = orjson.loads(client.ask(Call(f"{_API}/read", asked)))["objects"]
    return found


def _create(client: Client, services: Sequence[str]) -> Mapping[str, object]:
    return _post(
        client,
        "create",
        obj_type="AnalysisRequest",
        Client="portal_type:Client|id:client-1",
        Contact="portal_type:Contact|getFullname:Rita Mohale",
        SampleType="portal_type:SampleType|title:Apple Pulp",
        SamplingDate="2013-09-29",
        **{"Services:list": [f"portal_type:AnalysisService|title:{title}" for title in services]},
    )
