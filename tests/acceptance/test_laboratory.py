"""What a laboratory must be able to rely on, over HTTP: results, requests and worksheets, and who may change what."""

import itertools
import json
from typing import Any

import pytest

from tests.acceptance.client import Client
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import (
    analyses_of,
    make_batch,
    make_client,
    make_contact,
    make_request,
    state_of,
    unique,
)

pytestmark = pytest.mark.both_databases


def act(client: Client, action: str, *paths: str) -> dict[str, Any]:
    return client.call("doActionFor_many", {"obj_paths": json.dumps(paths), "action": action})


def received(admin: Client, services: list[str], **fields: Any) -> str:
    """A request of a client of its own, received; its path."""
    path: str = make_request(admin, make_client(admin), services, **fields)["path"]
    act(admin, "receive", path)
    return path


def dry_matter(admin: Client) -> str:
    """A received request with dry matter, which is calculated from moisture; both have results and are submitted."""
    path = received(admin, ["Moisture", "Dry Matter"])
    for name in ("Moist", "DM"):
        admin.call("update", {"obj_path": f"{path}/{name}", "Result": "12"})
    act(admin, "submit", f"{path}/Moist", f"{path}/DM")
    return path


@pytest.mark.parametrize("order", list(itertools.permutations(["Moist", "DM"])), ids=" then ".join)
@pytest.mark.parametrize(
    ("action", "states"),
    [
        ("verify", {"Moist": "verified", "DM": "verified"}),
        (
            "retract",
            {"Moist-1": "retracted", "DM-1": "retracted", "Moist": "sample_received", "DM": "sample_received"},
        ),
    ],
)
def test_results_that_depend_on_each_other_move_together(
    admin: Client, action: str, states: dict[str, str], order: tuple[str, ...]
) -> None:
    path = dry_matter(admin)
    body = act(admin, action, *(f"{path}/{name}" for name in order))
    assert body["success"] is True
    assert {name: item["review_state"] for name, item in analyses_of(admin, path).items()} == states


@pytest.mark.parametrize("sort_on", ["id", "created", "getKeyword"])
@pytest.mark.parametrize("sort_order", ["ascending", "descending"])
def test_criteria_find_results_in_any_order(admin: Client, sort_on: str, sort_order: str) -> None:
    path = dry_matter(admin)
    criteria = {"portal_type": "Analysis", "catalog_name": "bika_analysis_catalog", "path": path, "action": "verify"}
    found = admin.call("doActionFor", criteria | {"sort_on": sort_on, "sort_order": sort_order})
    assert {item["review_state"] for item in found["objects"]} == {"verified"}
    assert state_of(admin, path) == "verified"


def test_a_batch_that_waits_for_what_is_not_in_it_is_refused_with_the_reason(admin: Client) -> None:
    path = dry_matter(admin)
    body = admin.refused("doActionFor_many", {"obj_paths": json.dumps([f"{path}/DM"]), "action": "verify"}, status=403)
    assert "Moist" in body["message"]
    partial = {"obj_paths": json.dumps([f"{path}/DM", f"{path}/Moist"]), "action": "verify", "partial": "1"}
    assert admin.call("doActionFor_many", partial)["success"] is True


LABORATORY_FIELDS = {
    "MemberDiscount": "99",
    "InvoiceExclude": "1",
    "ResultsInterpretation": "all fine",
    "ResultsRange": json.dumps([{"keyword": "Ca", "min": "0", "max": "1", "error": "0"}]),
    "DateReceived": "2024-01-01",
    "DatePublished": "2024-01-01",
}
"""Fields of a request that the laboratory decides, with a value."""
AFTER_RECEPTION = {
    "SampleType": "portal_type:SampleType|title:Dust",
    "Specification": "portal_type:AnalysisSpec|title:Apple Pulp",
    "Priority": "portal_type:ARPriority|title:Rush",
    "SamplingDate": "2024-05-07",
    "SamplePoint": "",
    "SamplingDeviation": "",
    "SampleCondition": "",
    "StorageLocation": "",
    "EnvironmentalConditions": "rain",
    "AdHoc": "1",
    "Composite": "1",
}
"""Fields that describe the sample as it was received, with a value."""
OF_SAMPLE = AFTER_RECEPTION.keys() - {"Specification", "Priority"}
OF_PARTITION = {"Container": "", "Preservation": "", "Separate": "1", "RetentionPeriod": '{"days": 9}'}
RITAS_REQUEST = {
    "obj_type": "AnalysisRequest",
    "Client": "portal_type:Client|id:client-1",
    "SampleType": "portal_type:SampleType|title:Apple Pulp",
    "Contact": "portal_type:Contact|getFullname:Rita Mohale",
    "SamplingDate": "2024-05-06",
    "Services:list": ["portal_type:AnalysisService|title:Calcium", "portal_type:AnalysisService|title:Magnesium"],
}
SUBMITTED = "to_be_verified"


def ritas_request(admin: Client, as_user: AsUser, state: str) -> str:
    """A request that a client's contact made, moved on to a state; its path."""
    path: str = as_user("rita").call("create", RITAS_REQUEST)["path"]
    if state != "sample_due":
        act(admin, "receive", path)
    if state == SUBMITTED:
        for name in ("Ca", "Mg"):
            admin.call("update", {"obj_path": f"{path}/{name}", "Result": "1"})
        act(admin, "submit", f"{path}/Ca", f"{path}/Mg")
    assert state_of(admin, path) == state
    return path


@pytest.mark.parametrize("state", ["sample_due", "sample_received", SUBMITTED])
def test_a_client_writes_no_field_of_the_laboratory(admin: Client, as_user: AsUser, state: str) -> None:
    path, rita = ritas_request(admin, as_user, state), as_user("rita")
    late = {} if state == "sample_due" else AFTER_RECEPTION
    for name, value in (LABORATORY_FIELDS | late).items():
        body = rita.refused("update", {"obj_path": path, name: value}, status=403, type="Forbidden")
        assert name in body["message"]
    for name, value in {"Retested": "1", "MaxTimeAllowed": '{"days": 9}', "ReportDryMatter": "1"}.items():
        rita.refused("update", {"obj_path": f"{path}/Ca", name: value}, status=403)
    sample = admin.at(path)["Sample_uid"] if "Sample_uid" in admin.at(path) else admin.at(path)["SampleUID"]
    for name in ("DateReceived", "DateExpired", "DateDisposed"):
        rita.refused("update", {"obj_uid": sample, name: "2024-01-01"}, status=403)
    partition = admin.uid(f"{path.rpartition('-R')[0]}/{path.rpartition('/')[2].rpartition('-R')[0]}-P1")
    for user, status in ((rita, 200 if state == "sample_due" else 403), (as_user("clerk1"), 200)):
        for name in OF_SAMPLE:
            answer = user.post("update", {"obj_uid": sample, name: AFTER_RECEPTION[name], "dry_run": "1"}).json()
            assert (answer["success"], answer.get("status", 200)) == (status == 200, status), (name, answer)
        for name, value in OF_PARTITION.items():
            answer = user.post("update", {"obj_uid": partition, name: value, "dry_run": "1"}).json()
            assert (answer["success"], answer.get("status", 200)) == (status == 200, status), (name, answer)
    rita.call("update", {"obj_path": path, "ClientOrderNumber": "PO-7"})
    for name, value in LABORATORY_FIELDS.items():
        clerk = as_user("verifier1" if name == "ResultsInterpretation" and state == SUBMITTED else "labmanager1")
        clerk.call("update", {"obj_path": path, name: value})


def test_what_follows_a_sample_type_belongs_to_the_laboratory_once_it_is_received(
    admin: Client, as_user: AsUser
) -> None:
    before, after = (ritas_request(admin, as_user, state) for state in ("sample_due", "sample_received"))
    for name, value in AFTER_RECEPTION.items():
        as_user("rita").call("update", {"obj_path": before, name: value})
        as_user("clerk1").call("update", {"obj_path": after, name: value})


@pytest.mark.parametrize(("name", "value"), LABORATORY_FIELDS.items(), ids=lambda item: str(item)[:20])
def test_a_client_orders_without_fields_of_the_laboratory(as_user: AsUser, name: str, value: str) -> None:
    body = as_user("rita").refused("create", RITAS_REQUEST | {name: value}, status=403, type="Forbidden")
    assert name in body["message"]
    as_user("clerk1").call("create", RITAS_REQUEST | {"MemberDiscount": "5", "InvoiceExclude": "1"})


def test_a_client_makes_no_report_and_changes_no_set_up(admin: Client, as_user: AsUser) -> None:
    rita, path = as_user("rita"), ritas_request(admin, as_user, "sample_received")
    report = {"obj_path": path, "obj_type": "ARReport", "AnalysisRequest": admin.uid(path), "Html": "<p>fine</p>"}
    rita.refused("create", report, status=403)
    kind = admin.only(catalog_name="bika_setup_catalog", portal_type="SampleType", title="Dust")
    point = {
        "obj_path": "/clients/client-1",
        "obj_type": "SamplePoint",
        "title": unique("Well"),
        "SampleTypes": kind["UID"],
    }
    rita.call("create", point)
    assert admin.at(kind["path"])["SamplePoints"] == kind["SamplePoints"]


@pytest.mark.parametrize("state", ["sample_due", "sample_received", SUBMITTED])
def test_a_request_has_a_sample_and_the_laboratory_decides_which_once_it_is_received(
    admin: Client, as_user: AsUser, state: str
) -> None:
    path, rita = ritas_request(admin, as_user, state), as_user("rita")
    other = rita.call("create", RITAS_REQUEST | {"SampleType": "portal_type:SampleType|title:Dust"})
    sample, former = admin.at(other["path"])["SampleUID"], admin.at(path)["SampleUID"]
    for client in (rita, as_user("clerk1"), admin):
        body = client.post("update", {"obj_path": path, "Sample": ""}).json()
        assert body["status"] in (403, 422)
        assert body["errors"][0]["field"] == "Sample"
    if state != "sample_due":
        rita.refused("update", {"obj_path": path, "Sample": sample}, status=403)
    assert admin.at(path)["SampleUID"] == former
    (rita if state == "sample_due" else as_user("clerk1")).call("update", {"obj_path": path, "Sample": sample})
    assert admin.at(path)["SampleTypeTitle"] == "Dust"
    partitions = {item["SamplePartition"] for item in analyses_of(admin, path).values()}
    assert partitions == {admin.uid(f"/clients/client-1/{other['sample_id']}/{other['sample_id']}-P1")}


def test_a_sample_is_not_removed_from_under_its_request(admin: Client, as_user: AsUser) -> None:
    path = ritas_request(admin, as_user, "sample_due")
    sample = admin.at(path)["SampleUID"]
    for user in (admin, as_user("rita")):
        assert user.post("remove", {"UID": sample, "break_references": "1"}).json()["success"] is False
    assert admin.at(path)["SampleUID"] == sample


def test_limits_of_publication_belong_to_the_laboratory(admin: Client, as_user: AsUser) -> None:
    path = ritas_request(admin, as_user, SUBMITTED)
    spec = admin.read(catalog_name="uid_catalog", portal_type="AnalysisSpec", page_size="1")["objects"][0]["UID"]
    write = {"obj_path": path, "PublicationSpecification": spec}
    for user in ("rita", "analyst1", "verifier1"):
        as_user(user).refused("update", write, status=403)
    as_user("clerk1").call("update", write)
    act(admin, "verify", f"{path}/Ca", f"{path}/Mg")
    act(admin, "publish", path)
    for user in ("rita", "analyst1", "clerk1"):
        as_user(user).refused("update", write | {"PublicationSpecification": ""}, status=403)
    as_user("labmanager1").call("update", write | {"PublicationSpecification": ""})


def test_templates_of_a_client_name_nothing_of_another(admin: Client) -> None:
    own, other = make_client(admin), make_client(admin)
    point = admin.call("create", {"obj_path": other, "obj_type": "SamplePoint", "title": unique("Well")})["path"]
    calcium = "portal_type:AnalysisService|title:Calcium"
    profile = {"obj_path": other, "obj_type": "AnalysisProfile", "title": unique("Profile"), "Service": calcium}
    foreign = {"SamplePoint": point, "AnalysisProfile": admin.call("create", profile)["path"]}
    template = {"obj_path": own, "obj_type": "ARTemplate", "title": unique("Template")}
    for name, path in foreign.items():
        body = admin.refused("create", template | {name: path}, status=422)
        assert name in json.dumps(body["errors"])
    made = admin.call("create", template)["path"]
    for name, path in foreign.items():
        admin.refused("update", {"obj_path": made, name: path}, status=422)


def test_a_second_request_does_not_change_a_received_sample(admin: Client, as_user: AsUser) -> None:
    sample = admin.at(ritas_request(admin, as_user, "sample_received"))["SampleUID"]
    again = RITAS_REQUEST | {"Sample": sample, "SampleType": "portal_type:SampleType|title:Dust"}
    as_user("rita").refused("create", again, status=403)
    as_user("rita").call("create", RITAS_REQUEST | {"Sample": sample})


def test_links_of_a_request_stay_within_its_client(admin: Client) -> None:
    path, other = received(admin, ["Calcium"]), make_request(admin, make_client(admin), ["Calcium"])
    client, theirs = path.rpartition("/")[0], other["path"].rpartition("/")[0]
    foreign = make_batch(admin, Client=theirs)["path"]
    contact = make_contact(admin, theirs)
    shared = make_batch(admin)["path"]
    links = {
        "Sample": f"{theirs}/{other['sample_id']}",
        "Contact": contact,
        "CCContact": contact,
        "Batch": foreign,
        "Client": theirs,
        "ParentAnalysisRequest": other["path"],
    }
    for name, value in links.items():
        body = admin.refused("update", {"obj_path": path, name: value}, status=422)
        assert name in json.dumps(body)
    for name in ("Contact", "CCContact", "Batch"):
        own = {"Client": client, "Contact": make_contact(admin, client)}
        made = {name: value for name, value in RITAS_REQUEST.items() if name not in own} | own
        admin.refused("create", made | {name: links[name]}, status=422)
    admin.call("update", {"obj_path": path, "Batch": shared})
    admin.refused("update", {"obj_path": shared, "Client": theirs}, status=422)
    admin.call("update", {"obj_path": shared, "Client": client})
    partition = f"{theirs}/{other['sample_id']}/{other['sample_id']}-P1"
    admin.refused("update", {"obj_path": f"{path}/Ca", "SamplePartition": partition}, status=422)


def _order(admin: Client, owner: str) -> str:
    product = {"obj_path": "/bika_setup/bika_labproducts", "obj_type": "LabProduct", "title": unique("Bottle")}
    lines = [{"Product": admin.call("create", product | {"Price": "10.00"})["obj_uid"], "Quantity": "1"}]
    order = {"obj_path": owner, "obj_type": "SupplyOrder", "OrderNumber": unique("PO")}
    order |= {"Contact": make_contact(admin, owner), "supplyorder_lineitems": json.dumps(lines)}
    path: str = admin.call("create", order)["path"]
    return path


@pytest.mark.parametrize("link", ["AnalysisRequest", "SupplyOrder", "Invoice", "InheritedObjects", "Batch"])
def test_what_is_linked_keeps_the_client_of_its_links(admin: Client, link: str) -> None:
    """The client may change while nothing of another is linked, or together with the link."""
    owner, other = make_client(admin), make_client(admin)
    if link in ("InheritedObjects", "Batch"):
        path = make_batch(admin, Client=owner)["path"]
    else:
        folder = {"obj_path": "/invoices", "obj_type": "InvoiceBatch", "title": unique("Statement")}
        invoice = {"obj_path": admin.call("create", folder)["path"], "obj_type": "Invoice", "Client": owner}
        first = _order(admin, owner)
        path = admin.call("create", invoice | {"SupplyOrder": first})["path"]
        if link != "SupplyOrder":
            admin.call("update", {"obj_path": path, "SupplyOrder": ""})
    if link in ("AnalysisRequest", "InheritedObjects"):
        linked = make_request(admin, owner, ["Calcium"])["path"]
        admin.call("update", {"obj_path": path, link: linked})
    elif link == "Invoice":
        linked = first
        admin.call("update", {"obj_path": linked, link: path})
    elif link == "Batch":
        orders = {"obj_path": owner, "obj_type": "ARImport", "title": unique("Import"), link: path}
        linked = admin.call("create", orders)["path"]
    else:
        linked = first
    before = admin.at(path)
    body = admin.refused("update", {"obj_path": path, "Client": other}, status=422)
    assert body["errors"][0]["field"] == "Client"
    assert linked in body["message"]
    assert admin.at(path) == before
    admin.call("update", {"obj_path": path, "Client": owner})
    if link in ("Invoice", "Batch"):
        admin.call("update", {"obj_path": linked, link: ""})
        admin.call("update", {"obj_path": path, "Client": other})
    else:
        theirs = _order(admin, other) if link == "SupplyOrder" else make_request(admin, other, ["Calcium"])["path"]
        admin.call("update", {"obj_path": path, "Client": other, link: theirs})


def test_to_clear_a_reference_needs_the_right_to_write_it(admin: Client, as_user: AsUser) -> None:
    rita = as_user("rita")
    point = {"obj_path": "/clients/client-1", "obj_type": "SamplePoint", "title": unique("Well")}
    made = rita.call("create", point)
    kind = admin.only(catalog_name="bika_setup_catalog", portal_type="SampleType", title="Dust")
    admin.call("update", {"obj_path": made["path"], "SampleTypes": kind["UID"]})
    assert made["obj_uid"] in json.dumps(admin.at(kind["path"]))
    rita.refused("remove", {"UID": made["obj_uid"], "break_references": "1"}, status=403)
    assert made["obj_uid"] in json.dumps(admin.at(kind["path"]))
    admin.call("remove", {"UID": made["obj_uid"], "break_references": "1"})
    assert made["obj_uid"] not in json.dumps(admin.at(kind["path"]))


def test_a_client_sees_and_changes_the_batch_that_it_made(admin: Client, as_user: AsUser) -> None:
    rita = as_user("rita")
    made = rita.call("create", {"obj_path": "/clients/client-1", "obj_type": "Batch", "title": unique("Own")})
    assert rita.at(made["path"])["Client_uid"] == admin.uid("/clients/client-1")
    rita.call("update", {"obj_uid": made["obj_uid"], "ClientBatchID": "mine"})
    rita.refused("update", {"obj_uid": made["obj_uid"], "Client": make_client(admin)}, status=422)
    assert [item["path"] for item in rita.read(portal_type="Batch")["objects"]].count(made["path"]) == 1
    act(admin, "close", made["path"])
    assert rita.at(made["path"])["review_state"] == "closed"
    rita.refused("update", {"obj_uid": made["obj_uid"], "ClientBatchID": "other"}, status=403)
    foreign = make_batch(admin)
    rita.refused("update", {"obj_uid": foreign["obj_uid"], "ClientBatchID": "x"}, status=404)
    spare = rita.call("create", {"obj_path": "/clients/client-1", "obj_type": "Batch", "title": unique("Own")})
    rita.call("remove", {"UID": spare["obj_uid"]})


@pytest.mark.parametrize(
    ("text", "read", "other"),
    [
        ("10.03.2015 18:52", "2015-10-03", "2015-03-10"),
        ("02/08/2016", "2016-02-08", "2016-08-02"),
        ("13/08/2016", "2016-08-13", None),
        ("28-05-21", "2021-05-28", None),
        ("05/05/2016", "2016-05-05", None),
        ("2016-02-08", "2016-02-08", None),
        ("8 Feb 2016", "2016-02-08", None),
    ],
)
@pytest.mark.parametrize(("portal_type", "field"), [("Batch", "BatchDate"), ("AnalysisRequest", "SamplingDate")])
def test_a_date_whose_day_and_month_could_be_swapped_warns(
    admin: Client, portal_type: str, field: str, text: str, read: str, other: str | None
) -> None:
    client = make_client(admin)
    if portal_type == "Batch":
        made = make_batch(admin, BatchDate=text)
    else:
        made = make_request(admin, client, ["Calcium"], SamplingDate=text)
    changed = admin.call("update", {"obj_path": made["path"], field: text})
    many = admin.call("update_many", {"input_values": json.dumps({made["path"]: {field: text}})})
    assert admin.at(made["path"])[field].startswith(read)
    for answer in (made, changed, many):
        warnings = answer.get("warnings", [])
        assert len(warnings) == (other is not None)
        assert all(field in item and read in item and str(other) in item for item in warnings)
    index = field if portal_type == "Batch" else f"get{field}"
    found = admin.read(**{"catalog_name": "bika_catalog", "portal_type": portal_type, index: text})
    assert [str(other) in item for item in found.get("warnings", [])] == ([True] if other else [])


def test_a_client_sets_no_prices_of_the_laboratory(admin: Client, as_user: AsUser) -> None:
    rita, clerk = as_user("rita"), as_user("clerk1")
    profile = {"obj_path": "/clients/client-1", "obj_type": "AnalysisProfile", "title": unique("Cheap")}
    profile["Service"] = "portal_type:AnalysisService|title:Calcium"
    for name, value in {"UseAnalysisProfilePrice": "1", "AnalysisProfilePrice": "0.01"}.items():
        rita.refused("create", profile | {name: value}, status=403)
    made = rita.call("create", profile)["path"]
    rita.refused("update", {"obj_path": made, "AnalysisProfilePrice": "0.01"}, status=403)
    clerk.call("update", {"obj_path": made, "AnalysisProfilePrice": "9.00"})
    category = admin.only(catalog_name="bika_setup_catalog", portal_type="AnalysisCategory", title="Metals")["UID"]
    rita.refused("update", {"obj_path": "/clients/client-1", "RestrictedCategories": category}, status=403)
    products = {"obj_path": "/bika_setup/bika_labproducts", "obj_type": "LabProduct", "title": unique("Bottle")}
    product = admin.call("create", products | {"Price": "10.00"})["obj_uid"]
    order = {"obj_path": "/clients/client-1", "obj_type": "SupplyOrder", "OrderNumber": unique("PO")}
    order["Contact"] = "portal_type:Contact|getFullname:Rita Mohale"
    for price, status in {"0.01": 422, "10": 200}.items():
        lines = json.dumps([{"Product": product, "Quantity": "2", "Price": price}])
        answer = rita.post("create", order | {"supplyorder_lineitems": lines})
        assert answer.json().get("status", 200) == status


def test_an_order_is_invoiced_at_the_prices_of_the_day_it_was_made(admin: Client, as_user: AsUser) -> None:
    """A line without a price is ordered at that of its product, and never charged at nothing."""
    products = {"obj_path": "/bika_setup/bika_labproducts", "obj_type": "LabProduct", "title": unique("Bottle")}
    product = admin.call("create", products | {"Price": "10.00", "VAT": "20"})
    order = {"obj_path": "/clients/client-1", "obj_type": "SupplyOrder", "OrderNumber": unique("PO")}
    order["Contact"] = "portal_type:Contact|getFullname:Rita Mohale"
    lines = json.dumps([{"Product": product["obj_uid"], "Quantity": "3"}])
    made = as_user("rita").call("create", order | {"supplyorder_lineitems": lines})
    (line,) = admin.at(made["path"])["supplyorder_lineitems"]
    assert (line["Price"], line["VAT"]) == ("10.00", "20.00")
    admin.call("update", {"obj_path": product["path"], "Price": "15.00"})
    folder = {"obj_path": "/invoices", "obj_type": "InvoiceBatch", "title": unique("Statement")}
    invoices = admin.call("create", folder)["path"]
    invoice = {"obj_path": invoices, "obj_type": "Invoice", "Client": "portal_type:Client|id:client-1"}
    charged = admin.at(admin.call("create", invoice | {"SupplyOrder": made["obj_uid"]})["path"])
    assert (charged["Subtotal"], charged["VATAmount"], charged["Total"]) == ("30.00", "6.00", "36.00")
    admin.call("remove", {"UID": product["obj_uid"]})
    nothing = json.dumps([{"Product": product["obj_uid"], "Quantity": "3", "Price": ""}])
    admin.refused("update", {"obj_path": made["path"], "supplyorder_lineitems": nothing}, status=422)


def test_a_contact_refers_to_a_batch_of_its_client_in_the_folder_of_batches(admin: Client, as_user: AsUser) -> None:
    title = unique("Shared batch")
    new = {"obj_path": "/batches", "obj_type": "Batch", "title": title, "Client": "/clients/client-1"}
    uid = admin.call("create", new)["obj_uid"]
    made = as_user("rita").call("create", RITAS_REQUEST | {"Batch": f"portal_type:Batch|title:{title}"})
    assert as_user("rita").at(made["path"])["Batch_uid"] == uid
