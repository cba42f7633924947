"""Objects that a test makes for itself, so that no other test sees its changes."""

import itertools
import secrets
from typing import Any

from tests.acceptance.client import Client, succeeded

CONTROL = "/bika_setup/bika_suppliers/supplier-1/QC-001"
"""A reference sample of the sample laboratory, with what is expected of copper: 18 to 22."""
INSTRUMENT = "/bika_setup/bika_instruments/instrument-1"

_numbers = itertools.count(1)


def unique(word: str) -> str:
    """A text that no other test uses."""
    return f"{word} {secrets.token_hex(3)} {next(_numbers)}"


def make_client(client: Client, **fields: Any) -> str:
    """A customer of the laboratory; returns the path."""
    name = unique("Orchard")
    request = {"obj_path": "/clients", "obj_type": "Client", "Name": name, "ClientID": name.replace(" ", "-")}
    path: str = client.call("create", request | fields)["path"]
    return path


def make_contact(client: Client, owner: str, **fields: Any) -> str:
    """A contact of a customer; returns the path."""
    request = {"obj_path": owner, "obj_type": "Contact", "Firstname": "Ada", "Surname": unique("Berg")}
    path: str = client.call("create", request | fields)["path"]
    return path


def make_batch(client: Client, **fields: Any) -> dict[str, Any]:
    """A batch; returns the answer of create."""
    return client.call("create", {"obj_path": "/batches", "obj_type": "Batch", "title": unique("Batch")} | fields)


def make_request(client: Client, owner: str, services: list[str], **fields: Any) -> dict[str, Any]:
    """An analysis request with its sample and analyses; `services` are titles. Returns the answer of create."""
    contact = make_contact(client, owner)
    request = {
        "obj_type": "AnalysisRequest",
        "Client": owner,
        "Contact": contact,
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "SamplingDate": "2024-05-06",
        "Services:list": [f"portal_type:AnalysisService|title:{title}" for title in services],
    }
    return client.call("create", request | fields)


def analyses_of(client: Client, request: str) -> dict[str, dict[str, Any]]:
    """The analyses of a request by their ids."""
    found = client.read(catalog_name="bika_analysis_catalog", path=request, page_size="100")
    return {item["id"]: item for item in found["objects"]}


def state_of(client: Client, path: str) -> str:
    """The review_state of the object at a path."""
    state: str = client.at(path)["review_state"]
    return state


def controls_measured(client: Client, results: list[str]) -> list[str]:
    """The UIDs of controls of copper with these results, on a worksheet with an instrument, submitted."""
    copper = client.only(catalog_name="bika_setup_catalog", portal_type="AnalysisService", title="Copper")["UID"]
    control = {"obj_path": CONTROL, "obj_type": "ReferenceAnalysis", "ReferenceType": "c", "Service": copper}
    uids = [client.at(client.call("create", control)["path"])["UID"] for _ in results]
    sheet = {"obj_path": "/worksheets", "obj_type": "Worksheet", "Analyst": "analyst1", "Analyses": uids}
    succeeded(client.json("create", {**sheet, "Instrument": client.uid(INSTRUMENT)}))
    entered = [{"obj_uid": uid, "fields": {"Result": result}} for uid, result in zip(uids, results, strict=True)]
    succeeded(client.json("update_many", {"input_values": entered}))
    succeeded(client.json("doActionFor_many", {"uids": uids, "action": "submit"}))
    return uids
