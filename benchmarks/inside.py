"""Measurements on an open site, without HTTP: time and statements of each transaction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count

import orjson

from benchmarks.laboratory import as_user, batches
from benchmarks.measuring import REPEATS, Measurement, StatementCounter, repeated
from objapi.http.exchange import Exchange
from objapi.model.dependents import Dependents
from objapi.model.render_shapes import RenderShapes
from objapi.progress import progress
from objapi.senaite.items import Items, ItemShape
from objapi.senaite.urls import Urls
from objapi.senaite.vocabulary import Vocabulary
from objapi.site import Site
from objapi.store.requests import ByUid, CreateItem, Find, Selector, UpdateItem
from objapi.store.transaction import Transaction

MANY = 1_000
SERVICES = ("Calcium", "Copper", "Magnesium", "Zinc", "Iron")
BATCHES = {"portal_type": "Batch"}

Work = Callable[[Transaction], object]

_VOCABULARIES: dict[str, Vocabulary] = {}
"""Fingerprint of declarations → their vocabulary, which a process makes once."""


def measure_inside(site: Site, database: str, *, repeats: int = REPEATS) -> Iterator[Measurement]:
    """Every measurement at the present size of the site, each after one run that is not measured."""
    objects = batches(site)
    counter = StatementCounter(site.engine)
    works = [(what, work, False) for what, work in _reads(objects)]
    works += [(what, work, True) for what, work in _writes(_open_batches(site))]
    with progress(f"Measuring {database} at {objects} objects", len(works)) as advance:
        for what, work, write in works:
            run = partial(as_user, site, "admin", work, write=write)
            run()
            before = counter.count
            seconds = repeated(run, repeats=repeats)
            yield Measurement(database, objects, what, seconds, (counter.count - before) // len(seconds))
            advance(1)


def _reads(objects: int) -> Iterator[tuple[str, Work]]:
    finds = {
        "read 10": Find(BATCHES),
        "read 10 requests with their analyses": Find({"portal_type": "AnalysisRequest"}),
        "sorted list, first 10": Find(BATCHES, sort_on="sortable_title"),
        "sorted list, 10 from the middle": Find(BATCHES, sort_on="sortable_title", offset=objects // 2),
        "full text, newest 10": Find({"SearchableText": "series"}, sort_on="modified", sort_order="descending"),
    }
    for what, find in finds.items():
        yield what, partial(_find, find)
    yield f"{MANY:,} complete items for SENAITE", partial(_complete_items, BATCHES)
    yield "requests complete for SENAITE", partial(_complete_items, {"portal_type": "AnalysisRequest"})


def _writes(uids: list[str]) -> Iterator[tuple[str, Work]]:
    """Each can be done again and again."""
    selectors = [ByUid(uid) for uid in uids]
    yield f"update_many of {len(uids):,}", partial(_update, selectors, count())
    yield f"doActionFor of {len(uids):,}, twice", partial(_there_and_back, selectors)
    for number in (1, 100):
        what = "create a request with 5 analyses" if number == 1 else f"create {number} such requests at once"
        yield what, partial(_create, number)


def _find(find: Find, tx: Transaction) -> object:
    return tx.find(find)


def _complete_items(criteria: Mapping[str, object], tx: Transaction) -> object:
    """What the SENAITE face answers to `complete=yes&limit=1000`, rendered; requests have the most columns."""
    dependents = Dependents(tx.registry)
    vocabulary = _VOCABULARIES.get(tx.registry.fingerprint)
    if vocabulary is None:
        vocabulary = Vocabulary.of(tx.registry, RenderShapes(tx.registry, dependents))
        if vocabulary is None:
            raise TypeError("the laboratory declares the dialect")
        _VOCABULARIES[tx.registry.fingerprint] = vocabulary
    urls = Urls(Exchange("http://127.0.0.1", "/"), tx.site_id, tx.site_id)
    found = tx.records.find(Find(criteria, sort_on="created", size=MANY))
    return orjson.dumps(Items(vocabulary, tx, urls).made(found.records, ItemShape(complete=True)))


def _update(selectors: list[ByUid], turns: Iterator[int], tx: Transaction) -> object:
    remarks = {"Remarks": f"turn {next(turns)}"}
    return tx.update([UpdateItem(selector, remarks) for selector in selectors])


def _there_and_back(selectors: Sequence[Selector], tx: Transaction) -> object:
    tx.transition(selectors, "close")
    return tx.transition(selectors, "open")


def _create(number: int, tx: Transaction) -> object:
    values = {
        "Client": "portal_type:Client|id:client-1",
        "Contact": "portal_type:Contact|getFullname:Rita Mohale",
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "SamplingDate": "2013-09-29",
        "Services": [f"portal_type:AnalysisService|title:{title}" for title in SERVICES],
    }
    return tx.create([CreateItem("AnalysisRequest", None, values) for _ in range(number)])


def _open_batches(site: Site) -> list[str]:
    """The UIDs of some batches that are open."""
    find = Find({**BATCHES, "review_state": "open"}, size=MANY, include_fields=("UID",))
    found = as_user(site, "admin", lambda tx: tx.find(find), write=False)
    return [item["UID"] for item in orjson.loads(orjson.dumps(list(found.objects)))]
