"""Writing by the SENAITE face: create, update, delete, transitions, and values as clients send them."""

from typing import Any

import pytest

from tests.acceptance.client import Client, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import unique
from tests.acceptance.senaite import Senaite, checked

pytestmark = pytest.mark.both_databases


@pytest.fixture
def senaite(admin: Client) -> Senaite:
    return Senaite(admin)


def new_client(senaite: Senaite) -> dict[str, Any]:
    name = unique("Orchard")
    made = senaite.post("Client/create", {"parent_path": "/clients", "Name": name, "ClientID": name.replace(" ", "-")})
    return dict(made["items"][0])


CUSTOMERS: dict[str, dict[str, Any]] = {}
"""The client of the tests of a server. Other tests look at the first clients by their ids, so there are few."""


@pytest.fixture
def customer(senaite: Senaite) -> dict[str, Any]:
    root = senaite.client.root
    if root not in CUSTOMERS:
        CUSTOMERS[root] = new_client(senaite)
    return CUSTOMERS[root]


@pytest.fixture
def department(senaite: Senaite) -> dict[str, Any]:
    """A small object of its own for a test."""
    made = senaite.post("Department/create", {"parent_path": "/setup/departments", "title": unique("Department")})
    return dict(made["items"][0])


@pytest.fixture
def order(senaite: Senaite, customer: dict[str, Any]) -> dict[str, Any]:
    """The body of an order of a sample for the client."""
    if "contact" not in customer:
        ada = {"Firstname": "Ada", "Surname": "Berg"}
        customer["contact"] = senaite.post(f"contact/create/{customer['uid']}", ada)["items"][0]["uid"]
        customer["sample_type"] = senaite.only("SampleType", title="Canola Seed")["uid"]
    return {
        "Contact": customer["contact"],
        "SampleType": customer["sample_type"],
        "DateSampled": "2024-02-01T10:20:30Z",
        "Analyses": ["Ca"],
    }


@pytest.fixture
def sample(senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]) -> dict[str, Any]:
    """A sample that was received."""
    made = senaite.post(f"AnalysisRequest/create/{customer['uid']}", {**order, "Analyses": ["Ca", "Mg"]})["items"][0]
    return dict(senaite.post("update", {"uid": made["uid"], "transition": "receive"})["items"][0])


def services(item: dict[str, Any]) -> list[str]:
    return [analysis["title"] for analysis in item["Analyses"]]


# create


def test_an_order_makes_a_sample_with_what_clients_send_beside(
    senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]
) -> None:
    magnesium = senaite.only("AnalysisService", getKeyword="Mg")["uid"]
    body = {**order, "Analyses": ["Ca", magnesium, "Zinc"], "ClientSampleID": "order-7", "Priority": 1}
    body |= {"Template": None, "review_state": "sample_due", "uid": None, "id": "mine", "parent_id": "x"}
    answer = senaite.post(f"AnalysisRequest/create/{customer['uid']}", body)
    assert (answer["count"], answer["url"]) == (1, senaite.url(f"AnalysisRequest/create/{customer['uid']}"))
    item = answer["items"][0]
    assert services(item) == ["Calcium", "Magnesium", "Zinc"]
    assert (item["review_state"], item["ClientSampleID"], item["Priority"]) == ("sample_due", "order-7", "1")
    assert item["SamplingDate"] == item["DateSampled"] == "2024-02-01T10:20:30+00:00"
    assert item["id"].endswith("-R01")
    assert senaite.get(item["uid"])["uid"] == item["uid"]


@pytest.mark.parametrize(
    "place",
    [
        lambda client: ({"parent_path": client["path"]}, "create"),
        lambda client: ({"parent_path": client["path"].replace("/Plone", "/senaite")}, "AnalysisRequest/create"),
        lambda client: ({"parent_uid": client["uid"]}, "create"),
        lambda client: ({"Client": client["uid"]}, "create"),
        lambda client: ({"Client": client["title"]}, "analysisrequest/create"),
        lambda client: ({"Client": {"uid": client["uid"], "url": "x"}}, f"create/{client['uid']}"),
    ],
)
def test_the_container_is_named_in_many_ways(
    senaite: Senaite, customer: dict[str, Any], order: dict[str, Any], place: Any
) -> None:
    body, route = place(customer)
    item = senaite.post(route, {**order, **body, "portal_type": "AnalysisRequest"})["items"][0]
    assert item["parent_uid"] == customer["uid"]


def test_services_of_profiles_are_added_and_those_of_a_template_stand_in(
    senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]
) -> None:
    route = f"AnalysisRequest/create/{customer['uid']}"
    profile = senaite.items("AnalysisProfile", complete=1, limit=1)[0]
    of_profile = {service["title"] for service in profile["Service"]}
    item = senaite.post(route, {**order, "Profiles": profile["uid"]})["items"][0]
    assert set(services(item)) == {"Calcium", *of_profile}
    template = next(each for each in senaite.items("ARTemplate", complete=1) if each["Analyses"])
    without = {name: value for name, value in order.items() if name not in ("Analyses", "SampleType")}
    item = senaite.post(route, {**without, "Template": template["uid"]})["items"][0]
    assert {a["service_uid"] for a in template["Analyses"]} == {
        a["Service"]["uid"] for a in senaite.items("Analysis", getAncestorsUIDs=item["uid"], complete=1)
    }
    assert item["SampleType"]["uid"] == template["SampleType"]["uid"]
    assert services(senaite.post(route, {**order, "Template": template["uid"]})["items"][0]) == ["Calcium"]


def test_a_further_sample_of_a_primary_one_is_a_request_on_the_same_sample(
    senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]
) -> None:
    route = f"AnalysisRequest/create/{customer['uid']}"
    first = senaite.post(route, order)["items"][0]
    second = senaite.post(route, {**order, "PrimaryAnalysisRequest": first["uid"]})["items"][0]
    assert second["Sample"]["uid"] == first["Sample"]["uid"]
    assert second["id"] == first["id"].replace("-R01", "-R02")


@pytest.mark.parametrize(
    ("changes", "status", "named"),
    [
        ({"Analyses": ["Ca", "Nonsense"]}, 422, "Analyses"),
        ({"Analyses": []}, 422, "Analyses"),
        ({"Contact": None}, 422, "Contact"),
        ({"SampleType": "0" * 32}, 422, "SampleType"),
        ({"Nonsense": "1"}, 400, "Nonsense"),
        ({"Priority": "7"}, 422, "Priority"),
        ({"ParentAnalysisRequest": "0" * 32}, 422, "ParentAnalysisRequest"),
        ({"PrimaryAnalysisRequest": "0" * 32}, 422, "PrimaryAnalysisRequest"),
        ({"Client": "Harbour Foods"}, 422, "Client"),
        ({"DateSampled": "soon"}, 422, "DateSampled"),
        ({"ClientUID": "0" * 32}, 400, "ClientUID"),
    ],
)
def test_an_order_with_a_mistake_makes_nothing_and_names_it(
    senaite: Senaite,
    customer: dict[str, Any],
    order: dict[str, Any],
    changes: dict[str, Any],
    status: int,
    named: str,
) -> None:
    before = senaite.get("AnalysisRequest", path=customer["path"])["count"]
    answer = senaite.post(f"AnalysisRequest/create/{customer['uid']}", {**order, **changes}, status=status)
    assert named in {cause.get("field") or cause.get("parameter") for cause in answer["errors"]}
    assert senaite.get("AnalysisRequest", path=customer["path"])["count"] == before


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("create", {"title": "x"}, 400),
        ("create", {"portal_type": "Nonsense", "parent_path": "/clients"}, 400),
        ("Client/create", {"Name": "x"}, 400),
        ("Client/create", {"Name": "x", "path": "/clients"}, 400),
        ("Client/create", {"Name": "x", "parent_path": "/nowhere"}, 404),
        (f"Client/create/{'0' * 32}", {"Name": "x"}, 404),
        ("Client/create", {"Name": "x", "parent_path": "/"}, 403),
        ("Client/create/0", {"Name": "x"}, 403),
        ("Department/create", {"title": "x", "parent_path": "/setup"}, 403),
        ("Department/create", {"title": "x", "parent_path": "/clients"}, 403),
        ("Client/create", {"parent_path": "/clients"}, 422),
        ("Client/create", "[1, 2", 400),
        ("Client/create", '{"Name": ', 400),
    ],
)
def test_what_cannot_be_created_is_refused(senaite: Senaite, route: str, body: Any, status: int) -> None:
    if isinstance(body, str):
        checked(senaite.send("POST", route, data=body), status)
    else:
        senaite.post(route, body, status=status)


@pytest.mark.parametrize(
    ("portal_type", "folder", "values"),
    [
        ("Department", "/setup/departments", {}),
        ("AnalysisCategory", "/bika_setup/bika_analysiscategories", {"Department": "Chemistry"}),
        ("SampleType", "/senaite/setup/sampletypes", {"prefix": "TEA", "min_volume": "5 ml"}),
        ("Batch", "/senaite/batches", {}),
        ("SampleContainer", "/setup/samplecontainers", {"capacity": "50 ml"}),
    ],
)
def test_setup_loaders_create_and_read_back_by_title(
    senaite: Senaite, portal_type: str, folder: str, values: dict[str, Any]
) -> None:
    title = unique(portal_type)
    made = senaite.post("create", {"portal_type": portal_type, "parent_path": folder, "title": title, **values})
    assert made["items"][0]["portal_type"] == portal_type
    item = senaite.only(portal_type, title=title, complete="yes")
    assert item["uid"] == made["items"][0]["uid"]
    for name, value in values.items():
        assert item[name]["title"] == value if isinstance(item[name], dict) else item[name] == value


def test_forms_create_as_json_does(senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]) -> None:
    pairs = [
        *((name, value) for name, value in order.items() if name != "Analyses"),
        ("Analyses", "Ca"),
        ("Analyses", "Zn"),
    ]
    item = senaite.form(f"AnalysisRequest/create/{customer['uid']}", pairs)["items"][0]
    assert services(item) == ["Calcium", "Zinc"]
    body = '{"Firstname": "Json", "Surname": "Sent as text"}'
    headers = {"Content-Type": "text/plain"}
    item = senaite.form(f"contact/create/{customer['uid']}?Surname=Wins", body.encode(), headers=headers)["items"][0]
    assert (item["Firstname"], item["Surname"]) == ("Json", "Wins")


def test_a_list_of_records_is_made_whole_or_not_at_all(senaite: Senaite, customer: dict[str, Any]) -> None:
    before = senaite.get("contact", path=customer["path"])["count"]
    good = {"portal_type": "Contact", "parent_uid": customer["uid"], "Firstname": "Ada", "Surname": "Berg"}
    bad = {**good, "Surname": ""}
    answer = senaite.post("create", [good, bad], status=422)
    assert answer["errors"][0]["index"] == 1
    assert "record 1" in answer["message"]
    assert senaite.get("contact", path=customer["path"])["count"] == before
    answer = senaite.post("create?partial=1", [good, bad])
    assert (answer["count"], answer["success"], answer["errors"][0]["record"]) == (1, False, 1)
    answer = senaite.post("create", [good, {**good, "Surname": "Cole"}])
    assert [item["Surname"] for item in answer["items"]] == ["Berg", "Cole"]
    assert senaite.get("contact", path=customer["path"])["count"] == before + 3


def test_a_dry_run_tells_what_would_be_done(senaite: Senaite, customer: dict[str, Any]) -> None:
    before = senaite.get("contact", path=customer["path"])["count"]
    answer = senaite.post(f"contact/create/{customer['uid']}?dry_run=1", {"Firstname": "Ada", "Surname": "Berg"})
    assert answer["dry_run"] is True
    assert "create" in {change["event"] for change in answer["plan"]}
    assert senaite.get("contact", path=customer["path"])["count"] == before


# update


def test_a_result_is_written_and_submitted_by_the_path_of_the_analysis(
    senaite: Senaite, sample: dict[str, Any]
) -> None:
    path = sample["path"].replace("/Plone", "/senaite") + "/Ca"
    answer = senaite.post("update", {"path": path, "Result": 5.3, "transition": "submit", "comment": "by the bridge"})
    item = answer["items"][0]
    assert (item["Result"], item["review_state"], item["getSubmittedBy"]) == ("5.3", "to_be_verified", "admin")
    history = senaite.get(item["uid"], workflow=1)["workflow_info"][0]["review_history"]
    assert (history[-1]["action"], history[-1]["comments"]) == ("submit", "by the bridge")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"Result": "1", "transition": "verify"}, 409),
        ({"Result": "1", "transition": "retest"}, 409),
        ({"Result": "1", "transition": "nonsense"}, 400),
        ({"Result": "1", "Nonsense": "1"}, 400),
        ({"Result": "1", "AnalysisService": "Zinc", "ServiceUID": "0" * 32}, 400),
        ({"Result": "1", "id": "other"}, 400),
        ({"Result": "1", "version": 77}, 409),
        ({"Result": "1", "review_state": "verified"}, 400),
        ({"transition": "submit"}, 403),
    ],
)
def test_an_update_that_is_refused_writes_nothing(
    senaite: Senaite, sample: dict[str, Any], body: dict[str, Any], status: int
) -> None:
    uid = senaite.only("Analysis", getAncestorsUIDs=sample["uid"], getKeyword="Ca")["uid"]
    answer = senaite.post("update", {"uid": uid, **body}, status=status)
    assert "Nothing was written" in answer["message"]
    assert senaite.get(uid)["Result"] == ""


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"Result": "1"}, 400),
        ({"uid": "0" * 32}, 404),
        ({"path": "/clients/nowhere", "title": "x"}, 404),
        ({"uid": "0", "title": "x"}, 403),
        ({"path": "/clients", "title": "x"}, 403),
        ({"path": "/setup", "title": "x"}, 403),
    ],
)
def test_what_cannot_be_updated_is_refused(senaite: Senaite, body: dict[str, Any], status: int) -> None:
    senaite.post("update", body, status=status)


def test_an_item_that_is_sent_back_changes_nothing(senaite: Senaite, sample: dict[str, Any]) -> None:
    for uid in (sample["uid"], sample["Analyses"][0]["uid"], sample["Contact"]["uid"], sample["SampleType"]["uid"]):
        item = senaite.get(uid)
        item.pop("_runtime")
        answer = senaite.post("update", item)
        assert answer["items"][0] == item
    changed = {**senaite.get(sample["uid"]), "ClientReference": "another"}
    changed.pop("_runtime")
    assert senaite.post(f"update/{sample['uid']}", changed)["items"][0]["ClientReference"] == "another"
    senaite.post("update", {**changed, "created": "2001-01-01T00:00:00+00:00"}, status=400)


def test_objects_are_named_by_uid_path_or_parent_and_id(senaite: Senaite, customer: dict[str, Any]) -> None:
    uid = customer["uid"]
    for route, body in (
        ("update", {"uid": uid}),
        (f"update/{uid}", {}),
        (f"client/update/{uid}", {}),
        ("client/update", {"path": customer["path"]}),
        ("update", {"parent_path": "/clients", "id": customer["id"]}),
        (f"update?uid={uid}", {}),
    ):
        text = unique("Phone")
        assert senaite.post(route, {**body, "Phone": text})["items"][0]["Phone"] == text
    senaite.post(f"contact/update/{uid}", {"Phone": "1"}, status=404)


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
@pytest.mark.parametrize("route", ["{uid}", "client/{uid}"])
def test_newer_verbs_update(senaite: Senaite, customer: dict[str, Any], verb: str, route: str) -> None:
    url = route.format(uid=customer["uid"])
    answer = checked(senaite.send(verb, url, json={"Fax": verb}), 200)
    assert answer["items"][0]["Fax"] == verb
    checked(senaite.send("POST", url, json={"Fax": "x"}), 400)
    override = {"X-HTTP-Method-Override": verb}
    assert senaite.post(url, {"Fax": "over"}, headers=override)["items"][0]["Fax"] == "over"


def test_versions_keep_two_scripts_from_each_other(senaite: Senaite, department: dict[str, Any]) -> None:
    uid, version = department["uid"], department["version"]
    assert (
        senaite.post("update", {"uid": uid, "description": "1", "version": version})["items"][0]["version"]
        == version + 1
    )
    senaite.post("update", {"uid": uid, "description": "2", "version": version}, status=409)
    senaite.post("update", {"uid": uid, "description": "2"}, status=409, headers={"If-Match": f'"{version}"'})
    senaite.post("update", {"uid": uid, "description": "2"}, headers={"If-Match": f'"{version + 1}"'})
    assert senaite.post("update", {"uid": uid})["items"][0]["version"] == version + 2


def test_several_objects_are_updated_together_or_not(senaite: Senaite, sample: dict[str, Any]) -> None:
    one, two = (analysis["uid"] for analysis in sample["Analyses"])
    records = [{"uid": one, "Result": "5", "transition": "submit"}, {"uid": two, "Result": "6", "transition": "verify"}]
    answer = senaite.post("update", records, status=409)
    assert "record 1" in answer["message"]
    assert [senaite.get(uid)["Result"] for uid in (one, two)] == ["", ""]
    answer = senaite.post("update?partial=1", records)
    assert (answer["success"], [item["uid"] for item in answer["items"]]) == (False, [one])
    records = [{"uid": two, "Result": "6", "transition": "submit"}]
    assert senaite.post("update", records)["items"][0]["review_state"] == "to_be_verified"


@pytest.mark.parametrize(
    "value",
    [
        lambda client, contact: contact["uid"],
        lambda client, contact: {"uid": contact["uid"], "url": "x", "api_url": "y"},
        lambda client, contact: [contact["uid"]],
        lambda client, contact: contact["path"],
        lambda client, contact: contact["path"].replace("/Plone", "/senaite"),
        lambda client, contact: {"portal_type": "Contact", "id": contact["id"], "path": client["path"]},
    ],
)
def test_references_are_taken_in_many_forms(senaite: Senaite, sample: dict[str, Any], value: Any) -> None:
    client = senaite.get(sample["parent_uid"])
    body = {"Firstname": "Eva", "Surname": unique("Lund")}
    contact = senaite.post(f"contact/create/{client['uid']}", body)["items"][0]
    item = senaite.post("update", {"uid": sample["uid"], "Contact": value(client, contact)})["items"][0]
    assert item["Contact"]["uid"] == contact["uid"]
    item = senaite.post("update", {"uid": sample["uid"], "CCContact": [value(client, contact)]})["items"][0]
    assert [each["uid"] for each in item["CCContact"]] == [contact["uid"]]


def test_a_name_that_several_objects_have_is_refused(senaite: Senaite, customer: dict[str, Any]) -> None:
    name = unique("Twin")
    two = [{"portal_type": "Contact", "parent_uid": customer["uid"], "Firstname": "A", "Surname": name}] * 2
    contacts = senaite.post("create", two)["items"]
    answer = senaite.post("update", {"uid": contacts[0]["uid"], "CCContact": [f"A {name}"]}, status=422)
    assert (answer["type"], answer["errors"][0]["field"]) == ("AmbiguousReference", "CCContact")
    item = senaite.post("update", {"uid": contacts[0]["uid"], "CCContact": [contacts[1]["uid"]]})["items"][0]
    assert [each["uid"] for each in item["CCContact"]] == [contacts[1]["uid"]]
    for nothing in ("", None, []):
        assert senaite.post("update", {"uid": contacts[0]["uid"], "CCContact": nothing})["items"][0]["CCContact"] == []


def test_interim_fields_are_set_one_by_one(senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]) -> None:
    body = {**order, "Analyses": "Moist"}
    made = senaite.post(f"AnalysisRequest/create/{customer['uid']}", body)["items"][0]
    senaite.post("update", {"uid": made["uid"], "transition": "receive"})
    uid = made["Analyses"][0]["uid"]
    before = senaite.get(uid)["InterimFields"]
    sent = [{"keyword": before[0]["keyword"], "value": "7.5"}]
    after = senaite.post("update", {"uid": uid, "InterimFields": sent})["items"][0]["InterimFields"]
    assert [each["keyword"] for each in after] == [each["keyword"] for each in before]
    assert after[0]["value"] == "7.5"


def test_a_cancelled_sample_shows_one_state(senaite: Senaite, customer: dict[str, Any], order: dict[str, Any]) -> None:
    made = senaite.post(f"AnalysisRequest/create/{customer['uid']}", order)["items"][0]
    item = senaite.form("update", {"uid": made["uid"], "transition": "cancel"})["items"][0]
    assert item["review_state"] == "cancelled"
    found = senaite.items("AnalysisRequest", path=made["path"], review_state="cancelled")
    assert [each["uid"] for each in found] == [made["uid"]]
    assert senaite.items("AnalysisRequest", path=made["path"], is_active="true") == []


def test_analyses_are_added_to_a_worksheet(senaite: Senaite, sample: dict[str, Any]) -> None:
    sheet = senaite.post("Worksheet/create", {"parent_path": "/worksheets", "Analyst": "analyst1"})["items"][0]
    one, two = (analysis["uid"] for analysis in sample["Analyses"])
    senaite.post("update", {"uid": sheet["uid"], "analyses": [one]})
    item = senaite.post("update", {"uid": sheet["uid"], "analyses": [two]})["items"][0]
    assert [each["uid"] for each in item["Analyses"]] == [one, two]
    assert (item["getNumberOfRegularAnalyses"], item["getNumberOfRegularSamples"]) == (2, 1)
    assert senaite.get(one)["review_state"] == "assigned"
    assert senaite.get("Analysis", getWorksheetUID=sheet["uid"])["count"] == 2


# delete


def test_deleting_takes_out_of_use_and_may_be_repeated(senaite: Senaite, department: dict[str, Any]) -> None:
    uid = department["uid"]
    for route in (f"delete/{uid}", f"delete?path={department['path']}", f"department/delete/{uid}"):
        item = senaite.post(route, {})["items"][0]
        assert (item["review_state"], item["uid"]) == ("inactive", uid)
        assert {"url", "api_url", "getCategoryUID"} <= set(item)
    assert succeeded(senaite.client.get("history", {"UID": uid}))["history"]


def test_newer_verb_deletes(senaite: Senaite, department: dict[str, Any]) -> None:
    assert checked(senaite.send("DELETE", department["uid"]), 200)["items"][0]["review_state"] == "inactive"


@pytest.mark.parametrize(
    ("body", "status"), [({}, 400), ({"uid": "0" * 32}, 404), ({"uid": "0"}, 400), ({"path": "/nowhere"}, 404)]
)
def test_what_cannot_be_deleted_is_refused(senaite: Senaite, body: dict[str, Any], status: int) -> None:
    senaite.post("delete", body, status=status)


def test_samples_are_cancelled_and_not_deleted(senaite: Senaite, sample: dict[str, Any]) -> None:
    answer = senaite.post("delete", {"uid": sample["uid"]}, status=409)
    assert ("transition: cancel" in answer["message"]) == (
        "cancel" in {each["id"] for each in senaite.get(f"workflow/{sample['uid']}")["transitions"]}
    )


# Rights


@pytest.mark.parametrize(("user", "status"), [("analyst1", 403), ("sampler1", 403), (None, 401)])
def test_rights_are_those_of_the_gateway(
    senaite: Senaite, as_user: AsUser, customer: dict[str, Any], user: str | None, status: int
) -> None:
    other = Senaite(as_user(user))
    other.post("update", {"uid": customer["uid"], "Phone": "1"}, status=status)
    other.post(f"contact/create/{customer['uid']}", {"Firstname": "A", "Surname": "B"}, status=status)


def test_a_request_is_done_once_under_its_idempotency_key(senaite: Senaite, customer: dict[str, Any]) -> None:
    name = unique("Once")
    body, headers = {"Firstname": "Ada", "Surname": name}, {"Idempotency-Key": name}
    first = senaite.post(f"contact/create/{customer['uid']}", body, headers=headers)
    again = senaite.send("POST", f"contact/create/{customer['uid']}", json=body, headers=headers)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first, "true")
    assert senaite.get("contact", title=f"Ada {name}")["count"] == 1
    senaite.post(f"contact/create/{customer['uid']}", {**body, "Surname": "Other"}, status=422, headers=headers)
