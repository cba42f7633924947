"""What is inactive, cancelled, closed or expired: refused as a new reference, with the reason; existing ones stay."""

import json
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.making import make_batch, make_client, make_contact, make_request, unique


def act(client: Client, action: str, *paths: str) -> dict[str, Any]:
    return client.call("doActionFor_many", {"obj_paths": json.dumps(paths), "action": action})


def made(admin: Client, folder: str, portal_type: str, **fields: Any) -> str:
    values = {"obj_path": folder, "obj_type": portal_type, "title": unique(portal_type)} | fields
    path: str = admin.call("create", values)["path"]
    return path


def sample_type(admin: Client) -> str:
    return made(admin, "/bika_setup/bika_sampletypes", "SampleType", Prefix="OOU", MinimumVolume="1 ml")


def service(admin: Client) -> str:
    keyword = unique("K").replace(" ", "")
    category = "portal_type:AnalysisCategory|title:Metals"
    folder = "/bika_setup/bika_analysisservices"
    return made(admin, folder, "AnalysisService", Keyword=keyword, Category=category)


def reference_sample(admin: Client, expiry: str) -> str:
    results = json.dumps([{"uid": admin.uid("/bika_setup/bika_analysisservices/analysisservice-4"), "result": "1"}])
    folder = "/bika_setup/bika_suppliers/supplier-1"
    return made(admin, folder, "ReferenceSample", ExpiryDate=expiry, ReferenceResults=results)


def order(client: str, contact: str) -> dict[str, Any]:
    return {
        "obj_type": "AnalysisRequest",
        "Client": client,
        "Contact": contact,
        "SampleType": "portal_type:SampleType|title:Apple Pulp",
        "SamplingDate": "2024-05-06",
        "Services:list": ["portal_type:AnalysisService|title:Calcium"],
    }


@pytest.mark.parametrize("name", ["Client", "Contact", "SampleType", "Services", "Batch", "Sample"])
@pytest.mark.parametrize("how", ["create", "update"])
def test_a_request_refers_to_nothing_that_is_out_of_use(admin: Client, name: str, how: str) -> None:
    client = make_client(admin)
    contact = make_contact(admin, client)
    first = make_request(admin, client, ["Calcium"])
    there = first["path"]
    target, action, word = {
        "Client": (client, "deactivate", "inactive"),
        "Contact": (contact, "deactivate", "inactive"),
        "SampleType": (sample_type(admin), "deactivate", "inactive"),
        "Services": (service(admin), "deactivate", "inactive"),
        "Batch": (make_batch(admin)["path"], "close", "closed"),
        "Sample": (f"{client}/{first['sample_id']}", "cancel", "cancelled"),
    }[name]
    if how == "update" and name in ("Client", "Services", "Sample"):
        return
    if how == "create":
        admin.call("create", order(client, contact) | {name: target}, params={"dry_run": "1"})
        act(admin, action, target)
        body = admin.refused("create", order(client, contact) | {name: target}, status=422)
    else:
        act(admin, action, target)
        body = admin.refused("update", {"obj_path": there, name: target}, status=422)
    assert word in body["message"]
    assert target in body["message"]


def test_an_existing_reference_stays(admin: Client) -> None:
    client = make_client(admin)
    request = make_request(admin, client, ["Calcium"])["path"]
    batch = make_batch(admin)["path"]
    admin.call("update", {"obj_path": request, "Batch": batch})
    act(admin, "close", batch)
    admin.call("update", {"obj_path": request, "Batch": batch, "ClientOrderNumber": "7"})
    admin.call("update", {"obj_path": request, "Batch": ""})
    admin.refused("update", {"obj_path": request, "Batch": batch}, status=422)


def test_one_cancelled_batch_is_named_among_others(admin: Client) -> None:
    batch = make_batch(admin)["path"]
    act(admin, "cancel", batch)
    request = make_request(admin, make_client(admin), ["Calcium"])["path"]
    body = admin.refused("update_many", {"input_values": json.dumps({request: {"Batch": batch}})}, status=422)
    assert "cancelled" in json.dumps(body)


def test_a_field_may_look_back_at_what_is_out_of_use(admin: Client) -> None:
    client = make_client(admin)
    first, second = (make_request(admin, client, ["Calcium"]) for _ in range(2))
    samples = [f"{client}/{item['sample_id']}" for item in (first, second)]
    act(admin, "cancel", samples[0])
    admin.call("update", {"obj_path": samples[1], "LinkedSample": samples[0]})


@pytest.mark.parametrize("how", ["expired", "deactivate", "dispose"])
def test_a_reference_sample_that_is_out_of_use_gives_no_controls(admin: Client, how: str) -> None:
    sample = reference_sample(admin, "2099-01-01")
    control = {"obj_path": sample, "obj_type": "ReferenceAnalysis", "ReferenceType": "c"}
    control["Service"] = "portal_type:AnalysisService|title:Zinc"
    path = admin.call("create", control)["path"]
    if how == "expired":
        admin.call("update", {"obj_path": sample, "ExpiryDate": "2014-01-01"})
    else:
        for action in ("expire", "dispose") if how == "dispose" else (how,):
            act(admin, action, sample)
    word = {"expired": "expired", "deactivate": "inactive", "dispose": "disposed"}[how]
    assert word in admin.refused("create", control, status=422)["message"]
    sheet = {"obj_path": "/worksheets", "obj_type": "Worksheet", "Analyst": "analyst1", "Analyses": admin.uid(path)}
    assert word in admin.refused("create", sheet, status=422)["message"]


def test_a_certificate_of_the_past_can_be_entered(admin: Client) -> None:
    folder = "/bika_setup/bika_instruments/instrument-1"
    made(admin, folder, "InstrumentCertification", ValidFrom="2010-01-01", ValidTo="2011-01-01")
