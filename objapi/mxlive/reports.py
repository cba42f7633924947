"""Uploads of analysis reports."""

from typing import Final

from objapi.errors import NotFound
from objapi.mxlive.bodies import read_map, without_nan
from objapi.mxlive.calls import Call
from objapi.mxlive.finding import find_all, find_beamline, find_numbered
from objapi.mxlive.messages import Message, known_number
from objapi.mxlive.uploads import Upload, read_directory, store_upload
from objapi.store.transaction import Transaction

MOST_DATASETS: Final = 1000
_DEFAULT_KIND: Final = "Data Analysis"


def add_report(call: Call) -> dict[str, object]:
    """Store a report, in place of the one whose number it carries if that is the project's own.

    Its fields are replaced; datasets are added to those that it is about already. Raises NotFound when it does not say
    which datasets it is about, be it none.
    """

    def read(tx: Transaction) -> Upload:
        find_beamline(tx, call.names.beamline)
        message = Message(read_map(call.body, depth=call.settings.mxlive_max_depth))
        numbers = _dataset_numbers(message)
        title = "title" if message.values.get("title") is not None else "name"
        kind = "kind" if message.values.get("kind") is not None else "type"
        directory = read_directory(message)
        values = {
            "name": message.text(title, most=60, required=True),
            "kind": message.text(kind, most=100) or _DEFAULT_KIND,
            "score": message.number("score") or 0,
            "details": without_nan(message.values.get("details")),
        }
        message.raise_problems()
        existing = find_numbered(tx, "MxReport", call.project_path, message.number_of("id"), ("data",))
        linked = list(existing["data"]) if existing else []
        values["data"] = list(dict.fromkeys([*linked, *_own_datasets(tx, call, numbers)]))
        return Upload(
            portal_type="MxReport",
            directory=directory,
            existing=existing,
            values=values,
            title=str(values["name"]),
            description=f"{values['name']} uploaded from {call.names.beamline}",
        )

    return store_upload(call, read)


def _dataset_numbers(message: Message) -> list[int]:
    """The numbers of the datasets; null, for data that was never stored, is passed over."""
    given = message.values.get("data_id")
    if not isinstance(given, list):
        raise NotFound("data_id: a list of the datasets that the report is about is required; it may be empty.")
    if len(given) > MOST_DATASETS:
        message.note("data_id", f"at most {MOST_DATASETS} datasets can be named")
        return []
    numbers = (known_number(item) for item in given)
    return [number for number in numbers if number is not None]


def _own_datasets(tx: Transaction, call: Call, numbers: list[int]) -> list[str]:
    """The UIDs of those datasets that are the project's, in the order given."""
    if not numbers:
        return []
    found = find_all(tx, "MxData", ("number",), number=numbers, path=call.project_path)
    by_number = {int(item["number"]): str(item["UID"]) for item in found}
    return [by_number[number] for number in numbers if number in by_number]
