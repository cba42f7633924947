"""Measurements over HTTP, on a server of its own process: time as a client sees it."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import requests

from benchmarks.inside import MANY, SERVICES
from benchmarks.measuring import Measurement, repeated
from objapi.progress import progress
from tests.acceptance.server import served_laboratory

CLIENTS = 8
SECONDS = 3.0
"""For how long several clients read at once."""


def measure_served(data: Path, environ: dict[str, str], database: str, objects: int) -> Iterator[Measurement]:
    """The measurements on a site that was made before, in the directory `data`."""
    with served_laboratory(data, environ | {"OBJAPI_LOG_LEVEL": "warning"}) as root, _client() as http:
        api = f"{root}/Plone/@@API"
        paths = _batches(http, api)
        works = {
            "HTTP: read 10": partial(_read, http, api),
            f"HTTP: update_many of {len(paths):,}": partial(_update, http, api, paths, count()),
            "HTTP: create a request with 5 analyses": partial(_create, http, api),
        }
        with progress(f"Measuring {database} over HTTP", len(works) + 1) as advance:
            for what, work in works.items():
                work()
                yield Measurement(database, objects, what, repeated(work, repeats=20))
                advance(1)
            yield Measurement(database, objects, f"HTTP: read 10, {CLIENTS} clients at once", _crowd(api))
            advance(1)


def _client() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.auth = ("admin", "secret")
    return session


def _call(http: requests.Session, url: str, parameters: Mapping[str, object]) -> dict[str, list[dict[str, str]]]:
    """A call that succeeds; whatever else comes back ends the measurements."""
    answer = http.post(url, data=parameters, timeout=300).json()
    if not answer["success"]:
        raise RuntimeError(answer["message"])
    found: dict[str, list[dict[str, str]]] = answer
    return found


def _read(http: requests.Session, api: str) -> object:
    return _call(http, f"{api}/read", {"portal_type": "Batch"})


def _batches(http: requests.Session, api: str) -> list[str]:
    wanted = {"portal_type": "Batch", "review_state": "open", "page_size": MANY, "include_fields": "id"}
    return [item["path"] for item in _call(http, f"{api}/read", wanted)["objects"]]


def _update(http: requests.Session, api: str, paths: list[str], turns: Iterator[int]) -> object:
    remarks = {"Remarks": f"call {next(turns)}"}
    return _call(http, f"{api}/update_many", {"input_values": json.dumps(dict.fromkeys(paths, remarks))})


def _create(http: requests.Session, api: str) -> object:
    services = [f"portal_type:AnalysisService|title:{title}" for title in SERVICES]
    values = {
        "obj_type": "AnalysisRequest",
        "Client": "portal_type:Client|id:client-1",
        "Contact": "portal_type:Contact|getFullname:Rita Mohale",
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "SamplingDate": "2013-09-29",
        "Services:list": services,
    }
    return _call(http, f"{api}/create", values)


def _crowd(api: str) -> tuple[float, ...]:
    """The seconds of each read while several clients read as fast as they can."""
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [pool.submit(_read_until, api, deadline) for _ in range(CLIENTS)]
        return tuple(seconds for share in shares for seconds in share.result())


def _read_until(api: str, deadline: float) -> list[float]:
    taken: list[float] = []
    with _client() as http:
        while not taken or time.monotonic() < deadline:
            begun = time.perf_counter()
            _read(http, api)
            taken.append(time.perf_counter() - begun)
    return taken
