"""Copies and moves in the sample laboratory: requests with their samples, and links that bind objects to a client."""

import pytest

from objapi.errors import ApiError, Conflict, ValidationError
from objapi.store.requests import ByPath, ByUid, CopyItem, Entry, MoveItem, UpdateItem
from tests.objapi.store.test_laboratory import analyses, order
from tests.objapi.store.workshop import Gateway


def copy(laboratory: Gateway, user: str, path: str, to: str | None = None, **values: object) -> Entry:
    item = CopyItem(ByPath(path), None if to is None else ByPath(to), values)
    return laboratory.run(user, lambda tx: tx.copy([item]), write=True).entries[0]


def move(laboratory: Gateway, user: str, path: str, to: str | None = None, id: str | None = None) -> Entry:
    item = MoveItem(ByPath(path), None if to is None else ByPath(to), id)
    return laboratory.run(user, lambda tx: tx.move([item]), write=True).entries[0]


def with_results(laboratory: Gateway) -> str:
    """A request whose results have been submitted."""
    request = order(laboratory, ClientOrderNumber="PO-7")
    laboratory.act("clerk1", "receive", request)
    inside = analyses(laboratory, request)
    laboratory.update_all("analyst1", [UpdateItem(ByPath(path), {"Result": "7"}) for path in inside])
    laboratory.act("analyst1", "submit", *inside)
    return request


def test_a_duplicate_of_a_request_is_ordered_anew(laboratory: Gateway) -> None:
    request = with_results(laboratory)
    made = copy(laboratory, "clerk1", request)
    assert made.extra_ids["ar_id"] == made.id == f"{made.extra_ids['sample_id']}-R01"
    old, new = (laboratory.read("admin", path) for path in (request, made.path))
    assert new["Sample"] != old["Sample"]
    assert new["review_state"] == "sample_due" and not new["DateReceived"]
    for name in ("Client", "Contact", "SampleType", "ClientOrderNumber", "SamplingDate", "MemberDiscount"):
        assert new[name] == old[name], name
    found = laboratory.find("admin", {"path": made.path, "portal_type": "Analysis"}, catalog="bika_analysis_catalog")
    assert {(item["id"], item["review_state"], item["Result"] or "") for item in found} == {
        ("Ca", "sample_due", ""),
        ("Cu", "sample_due", ""),
    }
    assert made.left_out == ()
    laboratory.assert_settled()


def test_a_client_duplicates_its_own_requests(laboratory: Gateway) -> None:
    request = order(laboratory)
    laboratory.update("labmanager1", request, InvoiceExclude=True)
    made = copy(laboratory, "rita", request)
    assert "InvoiceExclude" in {item.field for item in made.left_out}
    assert laboratory.read("admin", made.path)["InvoiceExclude"] is False
    with pytest.raises(ApiError, match="There is no object"):
        copy(laboratory, "pavel", request)


def test_a_duplicate_takes_other_values_and_an_existing_sample(laboratory: Gateway) -> None:
    request = order(laboratory)
    sample = laboratory.read("admin", request)["Sample"]
    made = copy(laboratory, "clerk1", request, Sample=sample, Services=["title:Calcium"], ClientOrderNumber="PO-8")
    assert made.id.endswith("-R02")
    assert [path.rpartition("/")[2] for path in analyses(laboratory, made.path)] == ["Ca"]
    assert laboratory.read("admin", made.path)["ClientOrderNumber"] == "PO-8"


def test_a_request_is_not_copied_to_another_client_with_its_contact(laboratory: Gateway) -> None:
    with pytest.raises(ValidationError, match=r"Contact|contact") as refusal:
        copy(laboratory, "clerk1", order(laboratory), "/clients/client-2")
    assert "Contact" in {cause.name for cause in refusal.value.causes}


def test_what_is_bound_to_a_client_does_not_leave_it(laboratory: Gateway) -> None:
    request = order(laboratory)
    read = laboratory.read("admin", request)
    sample = laboratory.run("admin", lambda tx: tx.entity(ByUid(read["Sample"]))).path
    contact = laboratory.run("admin", lambda tx: tx.entity(ByUid(read["Contact"]))).path
    before = laboratory.dump()
    for path, words in ((request, "its field Client"), (sample, "is not of"), (contact, "is not of")):
        with pytest.raises(ValidationError, match=words):
            move(laboratory, "admin", path, "/clients/client-2")
    assert laboratory.dump() == before
    alone = laboratory.create("admin", "Contact", "/clients/client-1", Firstname="Nora", Surname="Free").path
    assert move(laboratory, "admin", alone, "/clients/client-2").path.startswith("/Plone/clients/client-2/")
    laboratory.assert_settled()


def test_a_contact_who_leaves_a_client_sees_it_no_more(laboratory: Gateway) -> None:
    here, there = (
        laboratory.create("admin", "Client", "/clients", Name=f"Firm {letter}", ClientID=f"FIRM{letter}").path
        for letter in "AB"
    )
    laboratory.add_users({"novak": (("Client", "Member"), ())})
    contact = laboratory.create(
        "admin", "Contact", here, Firstname="Pavel", Surname="Novak", Username="novak", EmailAddress="p@example.org"
    ).path
    laboratory.grant_local_roles(here, "novak", ["Owner"])
    renamed = move(laboratory, "admin", contact, None, "pavel").path
    assert laboratory.total("novak", {"path": here}) > 0
    copied = copy(laboratory, "admin", renamed, EmailAddress="copy@example.org")
    assert not laboratory.read("admin", copied.path)["Username"]
    move(laboratory, "admin", renamed, there)
    assert laboratory.total("novak", {"path": here}) == laboratory.total("novak", {"path": there}) == 0


def test_a_renamed_client_has_all_that_it_had(laboratory: Gateway) -> None:
    client = laboratory.create("admin", "Client", "/clients", Name="Renamed", ClientID="REN").path
    contact = laboratory.create("admin", "Contact", client, Firstname="Nora", Surname="Ren").uid
    request = order(laboratory, Client=laboratory.uid(client, "admin"), Contact=contact)
    uids = [laboratory.uid(path, "admin") for path in (request, *analyses(laboratory, request))]
    laboratory.grant_local_roles(client, "pavel", ["Owner"])
    new = move(laboratory, "admin", client, None, "renamed").path
    assert new == "/Plone/clients/renamed"
    paths = [laboratory.run("pavel", lambda tx, uid=uid: tx.entity(ByUid(uid))).path for uid in uids]
    assert all(path.startswith(f"{new}/") for path in paths)
    assert laboratory.total("admin", {"path": client}) == 0
    assert laboratory.total("admin", {"path": new, "portal_type": "Analysis"}, catalog="bika_analysis_catalog") == 2
    laboratory.assert_settled()
    laboratory.act("clerk1", "receive", paths[0])
    with pytest.raises(Conflict, match="sample_received and stays"):
        move(laboratory, "admin", new, None, "again")


def test_a_renamed_sample_is_found_by_its_new_id(laboratory: Gateway) -> None:
    request = order(laboratory)
    read = laboratory.read("admin", request)
    sample = laboratory.run("admin", lambda tx: tx.entity(ByUid(read["Sample"]))).path
    move(laboratory, "admin", sample, None, "GOLD-1")
    assert laboratory.read("admin", request)["SampleID"] == "GOLD-1"
    assert laboratory.total("admin", {"getSampleID": "GOLD-1"}, catalog="bika_catalog") >= 1
    laboratory.assert_settled()


def test_a_client_is_copied_with_what_it_holds(laboratory: Gateway) -> None:
    client = laboratory.create("admin", "Client", "/clients", Name="Pattern", ClientID="PAT").path
    contact = laboratory.create("admin", "Contact", client, Firstname="Nora", Surname="Pat", Username="nora").uid
    request = order(laboratory, Client=laboratory.uid(client, "admin"), Contact=contact)
    with pytest.raises(ValidationError) as refusal:
        copy(laboratory, "admin", client)
    assert {cause.name for cause in refusal.value.causes} >= {"title", "ClientID"}
    made = copy(laboratory, "admin", client, Name="Pattern two", ClientID="PAT2")
    (new,) = laboratory.find("admin", {"path": made.path, "portal_type": "AnalysisRequest"}, catalog="bika_catalog")
    inside = {item["UID"]: item for item in laboratory.find("admin", {"path": made.path})}
    assert new["Client"] == made.uid
    assert inside[new["Contact"]]["Surname"] == "Pat" and not inside[new["Contact"]]["Username"]
    assert new["Sample"] in inside and new["Sample"] != laboratory.read("admin", request)["Sample"]
    samples = [item for item in inside.values() if item["portal_type"] == "Sample"]
    partitions = [item for item in inside.values() if item["portal_type"] == "SamplePartition"]
    assert (len(samples), len(partitions)) == (1, 1)
    laboratory.assert_settled()


def test_what_belongs_to_a_report_or_to_the_layout_stays_there(laboratory: Gateway) -> None:
    request = order(laboratory)
    report = laboratory.create("admin", "ARReport", request, AnalysisRequest=laboratory.uid(request, "admin")).path
    for path, words in ((report, "ARReport"), ("/bika_setup", "layout"), ("/clients", "layout")):
        with pytest.raises(ValidationError, match=words):
            copy(laboratory, "admin", path)
        with pytest.raises(ValidationError, match=words):
            move(laboratory, "admin", path, None, "another")


def test_a_copied_worksheet_is_empty(laboratory: Gateway) -> None:
    request = order(laboratory)
    laboratory.act("clerk1", "receive", request)
    inside = [laboratory.uid(path, "admin") for path in analyses(laboratory, request)]
    sheet = laboratory.create("admin", "Worksheet", "/worksheets", Analyst="analyst1", Analyses=inside).path
    made = copy(laboratory, "admin", sheet)
    read = laboratory.read("admin", made.path, catalog="bika_catalog")
    assert (read["Analyst"], read["Analyses"], read["Layout"], read["review_state"]) == ("analyst1", [], [], "open")
    assert laboratory.read("admin", sheet, catalog="bika_catalog")["Analyses"] == inside
