"""Setup objects: what is worked out for them, what is checked, and what the switches of the settings do."""

import pytest

from objapi.errors import ApiError, Forbidden, TransitionNotAllowed, ValidationError
from objapi.store.requests import ByPath, UpdateItem
from tests.objapi.profiles.lims.laboratory import Laboratory

SETUP = "/bika_setup"
SERVICES = f"{SETUP}/bika_analysisservices"
CALCULATION = f"{SETUP}/bika_calculations/calculation-2"
LOSS = f"{SETUP}/bika_calculations/calculation-1"
METALS = "portal_type:AnalysisCategory|title:Metals"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (f"{SERVICES}/analysisservice-8", "Dry matter by difference"),
        (CALCULATION, "Dry Matter"),
        (f"{SETUP}/bika_analysiscategories/analysiscategory-1", "Calcium"),
    ],
)
def test_what_is_in_use_stays_active(lab: Laboratory, path: str, why: str) -> None:
    with pytest.raises(TransitionNotAllowed, match=f"used by {why}"):
        lab.labmanager1.act(path, "deactivate")


def test_a_calculation_is_not_activated_before_its_services(lab: Laboratory) -> None:
    lab.labmanager1.act(f"{SERVICES}/analysisservice-6", "deactivate")
    lab.labmanager1.act(CALCULATION, "deactivate")
    lab.labmanager1.act(f"{SERVICES}/analysisservice-8", "deactivate")
    with pytest.raises(TransitionNotAllowed, match="Moisture"):
        lab.labmanager1.act(CALCULATION, "activate")
    with pytest.raises(TransitionNotAllowed, match="Dry matter by difference"):
        lab.labmanager1.act(f"{SERVICES}/analysisservice-6", "activate")


def test_services_know_what_they_depend_on(lab: Laboratory) -> None:
    dry_matter = lab.labmanager1.read(f"{SERVICES}/analysisservice-6")
    moisture = lab.labmanager1.read(f"{SERVICES}/analysisservice-8")
    assert [used["Keyword"] for used in dry_matter["ServiceDependencies"]] == ["Moist"]
    assert [user["Keyword"] for user in moisture["ServiceDependants"]] == ["DM"]
    assert dry_matter["CalculationTitle"] == "Dry matter by difference"


def test_another_formula_changes_what_depends_on_what(lab: Laboratory) -> None:
    lab.labmanager1.update(CALCULATION, Formula="100 - [Fat]")
    assert lab.labmanager1.read(f"{SERVICES}/analysisservice-8")["ServiceDependants"] == []
    fat = lab.labmanager1.read(f"{SERVICES}/analysisservice-9")
    assert [user["Keyword"] for user in fat["ServiceDependants"]] == ["DM"]


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("100 - [Moits]", r"\[Moits\] names neither"),
        ("[Moist.MAX] + [Fat.WetMass]", r"\[Moist.MAX\], \[Fat.WetMass\] names neither"),
        ("[]", "a name is missing between the brackets, at character 1"),
        ("100 - (", "at character 8"),
        ("().__class__", "means nothing here, at character 3"),
        ("100 - [DM]", "a circle: DM needs DM"),
        ("[Moist] + [DM.BELOWLDL]", "a circle: DM needs DM"),
    ],
)
def test_a_formula_can_be_worked_out(lab: Laboratory, formula: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        lab.labmanager1.update(CALCULATION, Formula=formula)


@pytest.mark.parametrize(
    "formula", ["100 - [Moist]", "[Moist.WetMass] * 2", "max([Moist], [DM.LDL])", "if([Moist.BELOWLDL], 0, [Moist])"]
)
def test_a_formula_names_results_limits_and_interim_values(lab: Laboratory, formula: str) -> None:
    lab.labmanager1.update(CALCULATION, Formula=formula)
    assert lab.labmanager1.read(CALCULATION)["Formula"] == formula


def test_an_interim_value_that_the_formula_names_is_not_taken_away(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match=r"\[WetMass\], \[DryMass\], \[DishMass\] names neither"):
        lab.labmanager1.update(LOSS, InterimFields=[])


@pytest.mark.parametrize(
    ("path", "values", "lost"),
    [
        (LOSS, {"Formula": "1", "InterimFields": []}, r"\[Moist.WetMass\]"),
        (f"{SERVICES}/analysisservice-8", {"UseDefaultCalculation": False}, r"\[Moist.WetMass\]"),
        (f"{SERVICES}/analysisservice-8", {"Keyword": "Water"}, r"\[Moist\], \[Moist.WetMass\]"),
    ],
)
def test_what_another_formula_names_is_not_taken_away(
    lab: Laboratory, path: str, values: dict[str, object], lost: str
) -> None:
    lab.labmanager1.update(CALCULATION, Formula="100 - [Moist] + [Moist.WetMass]")
    with pytest.raises(ValidationError, match=f"{lost} stands in the formula of Dry matter by difference"):
        lab.labmanager1.update(path, **values)
    lab.labmanager1.update(CALCULATION, Formula="1")
    lab.labmanager1.update(path, **values)


def test_keyword_and_formula_change_together(lab: Laboratory) -> None:
    wanted = {f"{SERVICES}/analysisservice-8": {"Keyword": "Water"}, CALCULATION: {"Formula": "100 - [Water]"}}
    items = [UpdateItem(ByPath(path), values) for path, values in wanted.items()]
    lab.labmanager1._run(lambda tx: tx.update(items), write=True)
    service = lab.labmanager1.read(f"{SERVICES}/analysisservice-6")
    assert [used["Keyword"] for used in service["ServiceDependencies"]] == ["Water"]


def test_a_service_that_a_formula_names_is_not_removed(lab: Laboratory) -> None:
    made = lab.labmanager1.create("AnalysisService", SERVICES, title="New", Keyword="New", Category=METALS)
    lab.labmanager1.update(CALCULATION, Formula="100 - [New]")

    def remove(**options: bool) -> None:
        lab.admin._run(lambda tx: tx.remove([made.uid], **options), write=True)

    with pytest.raises(ValidationError, match=r"\[New\] stands in the formula of Dry matter"):
        remove(break_references=True)
    lab.labmanager1.update(CALCULATION, Formula="100 - [Moist]")
    remove()


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/methods/method-1", {"Calculation": CALCULATION}),
        (f"{SERVICES}/analysisservice-8", {"_Method": "/methods/method-3"}),
        (f"{SERVICES}/analysisservice-8", {"UseDefaultCalculation": False, "DeferredCalculation": CALCULATION}),
        (
            f"{SERVICES}/analysisservice-8",
            {"InstrumentEntryOfResults": True, "Instrument": f"{SETUP}/bika_instruments/instrument-1"},
        ),
        (f"{SETUP}/bika_instruments/instrument-1", {"Method": "/methods/method-3"}),
    ],
)
def test_no_result_is_calculated_from_itself_by_whatever_way(
    lab: Laboratory, path: str, values: dict[str, object]
) -> None:
    """Each of the calls makes Moisture, from which dry matter is calculated, be calculated from itself."""
    manager = lab.labmanager1
    if path == "/methods/method-1":
        manager.update(f"{SERVICES}/analysisservice-8", _Method="/methods/method-1")
    elif "InstrumentEntryOfResults" in values:
        manager.update(f"{SETUP}/bika_instruments/instrument-1", Method="/methods/method-3")
    elif path.endswith("instrument-1"):
        manager.update(
            f"{SERVICES}/analysisservice-8",
            InstrumentEntryOfResults=True,
            Instrument=f"{SETUP}/bika_instruments/instrument-1",
        )
    with pytest.raises(ValidationError, match="a circle: Moist needs Moist"):
        manager.update(path, **values)


def test_a_circle_over_several_services_is_told_step_by_step(lab: Laboratory) -> None:
    manager = lab.labmanager1
    made = manager.create("Calculation", f"{SETUP}/bika_calculations", title="Back again", Formula="[DM] / 2").path
    fat, moisture = f"{SERVICES}/analysisservice-9", f"{SERVICES}/analysisservice-8"
    manager.update(fat, UseDefaultCalculation=False, DeferredCalculation=made)
    back = manager.create("Calculation", f"{SETUP}/bika_calculations", title="Once more", Formula="1 + [Fat]").path
    with pytest.raises(ValidationError, match=r"a circle: (?=.*DM needs Moist)(?=.*Moist needs Fat)(?=.*Fat needs DM)"):
        manager.update(moisture, UseDefaultCalculation=False, DeferredCalculation=back)


@pytest.mark.parametrize("keyword", ["Ca", "WetMass", "C a"])
def test_a_keyword_means_one_thing(lab: Laboratory, keyword: str) -> None:
    with pytest.raises(ValidationError):
        lab.labmanager1.create("AnalysisService", SERVICES, title="New", Keyword=keyword, Category=METALS)


def test_a_service_takes_the_tax_of_the_settings_and_reckons_with_it(lab: Laboratory) -> None:
    made = lab.labmanager1.create(
        "AnalysisService", SERVICES, title="New", Keyword="New", Category=METALS, Price="10.03"
    )
    service = lab.labmanager1.read(made.path)
    assert (service["VAT"], service["VATAmount"], service["TotalPrice"]) == ("15.00", "1.50", "11.53")


@pytest.mark.parametrize("values", [{"Name": "Harbour Foods", "ClientID": "X"}, {"Name": "X", "ClientID": "HBF"}])
def test_clients_are_told_apart_by_name_and_code(lab: Laboratory, values: dict[str, str]) -> None:
    with pytest.raises(ApiError) as error:
        lab.labmanager1.create("Client", "/clients", **values)
    assert error.value.status == 422


def test_clerks_edit_clients_when_the_switch_says_so(lab: Laboratory) -> None:
    old = lab.labmanager1.create("Client", "/clients", Name="Old", ClientID="OLD").path
    lab.labmanager1.update(SETUP, AllowClerksToEditClients=True)
    new = lab.clerk1.create("Client", "/clients", Name="New", ClientID="NEW").path
    for path in (old, new):
        lab.clerk1.update(path, Phone="1")
    lab.labmanager1.update(SETUP, AllowClerksToEditClients=False)
    for path in (old, new):
        with pytest.raises(Forbidden):
            lab.clerk1.update(path, Phone="2")
    with pytest.raises(Forbidden):
        lab.clerk1.create("Client", "/clients", Name="Newer", ClientID="NEWER")


def test_a_new_client_is_for_its_leaders_and_itself(lab: Laboratory) -> None:
    made = lab.labmanager1.create("Client", "/clients", Name="New", ClientID="NEW")
    with pytest.raises(Forbidden):
        lab.clerk1.update(made.path, Phone="1")
    lab.labmanager1.act(made.path, "deactivate")
    lab.labmanager1.act(made.path, "activate")
    with pytest.raises(Forbidden):
        lab.clerk1.update(made.path, Phone="1")


def test_an_untitled_batch_is_called_by_its_id(lab: Laboratory) -> None:
    lab.clerk1.create("Batch", "/batches")
    batch = lab.clerk1.read("/batches/B-004")
    assert (batch["title"], batch["BatchID"]) == ("B-004", "B-004")


def test_ranges_carry_the_service_of_their_keyword(lab: Laboratory) -> None:
    made = lab.labmanager1.create(
        "AnalysisSpec",
        f"{SETUP}/bika_analysisspecs",
        title="New",
        ResultsRange=[{"keyword": "Fe", "min": "1", "max": "2", "error": "0"}],
    )
    (row,) = lab.labmanager1.read(made.path)["ResultsRange"]
    assert row["uid"] == lab.labmanager1.read(f"{SERVICES}/analysisservice-5")["UID"]


def test_points_and_types_of_samples_are_in_step(lab: Laboratory) -> None:
    point, barley, water = (
        f"{SETUP}/bika_samplepoints/samplepoint-2",
        f"{SETUP}/bika_sampletypes/sampletype-3",
        f"{SETUP}/bika_sampletypes/sampletype-7",
    )
    lab.labmanager1.update(point, SampleTypes=[barley])
    assert "Well 3" in lab.labmanager1.read(barley)["SamplePointTitle"]
    assert "Well 3" not in lab.labmanager1.read(water)["SamplePointTitle"]
    lab.labmanager1.update(barley, SamplePoints=[])
    assert lab.labmanager1.read(point)["SampleTypes"] == []


def test_an_instrument_is_valid_while_its_certificate_is(lab: Laboratory) -> None:
    instruments = f"{SETUP}/bika_instruments"
    assert [lab.labmanager1.read(f"{instruments}/instrument-{n}")["Valid"] for n in (1, 2)] == ["1", "0"]
    lab.labmanager1.update(f"{instruments}/instrument-1", DisposeUntilNextCalibrationTest=True)
    assert lab.labmanager1.read(f"{instruments}/instrument-1")["Valid"] == "0"


def test_a_partition_is_kept_as_long_as_its_sample_type_says(lab: Laboratory) -> None:
    sample = lab.labmanager1.read("/clients/client-3/AP-0001")
    assert sample["DisposalDate"] == "2013-10-10T00:00:00+00:00"
    assert lab.labmanager1.read("/clients/client-3/AP-0001/AP-0001-P1")["DisposalDate"] == sample["DisposalDate"]


def test_an_invoice_takes_down_what_is_charged(lab: Laboratory) -> None:
    request = "/clients/client-4/MK-0001-R01"
    made = lab.labmanager1.create(
        "Invoice", "/invoices/invoicebatch-1", Client="/clients/client-4", AnalysisRequest=request
    )
    invoice = lab.labmanager1.read(made.path)
    assert (invoice["Subtotal"], invoice["VATAmount"], invoice["Total"]) == ("33.00", "4.95", "37.95")
    lab.labmanager1.update(f"{SERVICES}/analysisservice-9", Price="99.00")
    assert lab.labmanager1.read(made.path)["Total"] == "37.95"


def test_an_invoice_is_for_something(lab: Laboratory) -> None:
    with pytest.raises(ValidationError, match="request or an order"):
        lab.labmanager1.create("Invoice", "/invoices/invoicebatch-1", Client="/clients/client-4")


def test_an_order_is_stamped_when_it_is_dispatched(lab: Laboratory) -> None:
    made = lab.rita.create("SupplyOrder", "/clients/client-1", Contact="/clients/client-1/contact-1", OrderNumber="7")
    lab.clerk1.act(made.path, "dispatch")
    assert lab.labmanager1.read(made.path)["DateDispatched"] is not None


@pytest.mark.parametrize(
    ("catalog", "criteria", "count"),
    [
        ("bika_catalog", {"getAnalysisService": "Zinc", "portal_type": "AnalysisRequest"}, 7),
        ("bika_catalog", {"getSampleTypeTitle": "Apple Pulp", "portal_type": "SamplePartition"}, 3),
        ("bika_catalog", {"BatchUID": "", "portal_type": "AnalysisRequest"}, 0),
        ("bika_catalog", {"Priority": 10, "portal_type": "Worksheet"}, 1),
        ("bika_catalog_worksheet_listing", {}, 1),
        ("bika_setup_catalog", {"getKeyword": "Ca"}, 1),
        ("bika_setup_catalog", {"getClientUID": "", "portal_type": "ARTemplate"}, 0),
        ("portal_catalog", {"getFullname": "Rita Mohale"}, 1),
        ("bika_analysis_catalog", {"getKeyword": "Zn", "portal_type": "DuplicateAnalysis"}, 1),
    ],
)
def test_catalogs_find_by_what_the_words_promise(
    lab: Laboratory, catalog: str, criteria: dict[str, object], count: int
) -> None:
    assert len(lab.admin.find(catalog, **criteria)) == count
