"""`read`: words that mean nothing are told, and pages that follow each other while the data change."""

from typing import Any

import pytest

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import AsUser
from tests.acceptance.making import make_batch, unique

WORDS = [
    ("sort_order", "desc"),
    ("sort_order", "down"),
    ("sort_order", "asc"),
    ("include_fields", "Titel"),
    ("include_fields", "title,Titel"),
    ("include_methods", "getTitel"),
    ("include_methods", "__class__"),
    ("expand", "Clint"),
    ("expand", "title"),
]


@pytest.mark.parametrize(("name", "value"), WORDS)
@pytest.mark.parametrize("page_size", ["1", "0"])
def test_a_word_that_means_nothing_warns_and_is_refused_when_strict(
    admin: Client, name: str, value: str, page_size: str
) -> None:
    asked = {"portal_type": "Client", "page_size": page_size, name: value}
    answer = admin.read(**asked)
    assert any(warning.startswith(f"{name}: ") for warning in answer["warnings"]), answer["warnings"]
    body = admin.refused("read", asked | {"strict": "1"}, status=400, type="BadRequest")
    assert body["errors"][0]["parameter"] == name


@pytest.mark.parametrize(("name", "value"), WORDS)
def test_a_word_that_means_nothing_is_refused_where_it_would_act(admin: Client, name: str, value: str) -> None:
    batch = make_batch(admin)
    asked = {"portal_type": "Batch", "catalog_name": "bika_catalog", "UID": batch["obj_uid"], "action": "close"}
    body = admin.refused("doActionFor", asked | {name: value}, status=400, type="BadRequest")
    _tells_that_nothing_was_done(body)
    assert admin.at(batch["path"])["review_state"] == "open"


def _tells_that_nothing_was_done(body: dict[str, Any]) -> None:
    texts = [body["message"], *(error["message"] for error in body["errors"])]
    assert body["message"].endswith("Nothing was done."), body
    assert not any("ignored" in text or "taken for" in text for text in texts), body


UNKNOWN = [
    ("doActionFor", {"colour": "red"}),
    ("doActionFor", {"review_state": "{{x}}"}),
    ("doActionFor", {"sortKey": "five"}),
    ("doActionFor_many", {"colour": "red"}),
    ("remove", {"colour": "red"}),
]


@pytest.mark.parametrize(("method", "more"), UNKNOWN, ids=str)
def test_a_parameter_that_means_nothing_is_refused_where_it_would_act(
    admin: Client, method: str, more: dict[str, str]
) -> None:
    batch = make_batch(admin)
    named = {
        "doActionFor": {"portal_type": "Batch", "UID": batch["obj_uid"], "action": "close"},
        "doActionFor_many": {"uids": batch["obj_uid"], "action": "close"},
        "remove": {"UID": batch["obj_uid"]},
    }[method]
    _tells_that_nothing_was_done(admin.refused(method, named | more, status=400, type="BadRequest"))
    assert admin.at(batch["path"])["review_state"] == "open"


def test_what_is_likely_to_be_meant_by_an_unknown_name_is_told(admin: Client) -> None:
    for criterion, advice in (
        ("id.query", "it is sent as id.query:record"),
        ("id.range", "it is sent as id.range:record"),
        ("path.depth", "it is sent as path.depth:record"),
        ("created.gte", "created has empty, gt, ge, lt, le, since, recent, not, range."),
        ("creatd", "did you mean 'created'?"),
        ("obj_path", "criteria find an object by UID, or by path with all that is in it."),
    ):
        (warning,) = admin.read(portal_type="Batch", count_only="1", **{criterion: "1"})["warnings"]
        assert warning.startswith(f"{criterion}: no index of ") and advice in warning
    (warning,) = admin.read(portal_type="batch", count_only="1")["warnings"]
    assert warning == "portal_type: there is no type 'batch', did you mean 'Batch'?"
    body = admin.refused("remove", {"obj_path": "/batches/x"}, status=400, type="BadRequest")
    assert "obj_path is not a parameter of this method. It takes UID, " in body["message"]
    body = admin.refused("update", {"obj_path": "/batches", "titel": "x"}, status=400, type="BadRequest")
    assert body["message"] == "The following request fields were not used: titel"
    assert body["errors"][0]["message"] == "'titel' is not a field of the type, did you mean 'title'?"


@pytest.mark.parametrize(("name", "value"), [("colour", "red"), ("sort_order", "desc"), ("review_state", "{{x}}")])
def test_a_strict_refusal_does_not_say_that_it_read_anything(admin: Client, name: str, value: str) -> None:
    plain = admin.read(portal_type="Batch", **{name: value})
    assert any("ignored" in warning or "taken for" in warning for warning in plain["warnings"])
    body = admin.refused("read", {"portal_type": "Batch", name: value, "strict": "1"}, status=400)
    assert "ignored" not in body["message"] and "taken for" not in body["message"]


RANGES = [
    {"id": "none", "id_range": "mim"},
    {"id.query:record": "none", "id.range:record": "gt"},
    {"created": "2001-01-01", "created_range": ">"},
    {"BatchDate": "2001-01-01", "BatchDate_range": "before"},
]


@pytest.mark.parametrize("criteria", RANGES, ids=str)
def test_a_range_of_other_words_finds_and_does_nothing(admin: Client, criteria: dict[str, str]) -> None:
    batch = make_batch(admin, BatchDate="2024-01-01")
    asked = {"portal_type": "Batch", "catalog_name": "bika_catalog", "UID": batch["obj_uid"]} | criteria
    for method, more in (("read", {}), ("doActionFor", {"action": "close"})):
        body = admin.refused(method, asked | more, status=400, type="BadRequest")
        assert "range" in body["errors"][0]["parameter"]
    assert admin.at(batch["path"])["review_state"] == "open"


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_the_root_alone_names_nothing_to_act_on(admin: Client, path: str) -> None:
    # A form whose path was left empty would act on everything.
    body = admin.refused("doActionFor", {"path": path, "action": "deactivate", "dry_run": "1"}, status=400)
    assert "criterion" in body["message"]
    batch = make_batch(admin)
    one = {"path": path, "UID": batch["obj_uid"], "catalog_name": "bika_catalog", "action": "close"}
    assert [item["UID"] for item in admin.call("doActionFor", one)["objects"]] == [batch["obj_uid"]]


@pytest.mark.parametrize("name", ["getTitle", "getUID", "getRequestID", "getCategoryTitle", "CategoryTitle"])
def test_a_method_that_is_answered_does_not_warn(admin: Client, name: str) -> None:
    asked = {"catalog_name": "bika_analysis_catalog", "portal_type": "Analysis", "page_size": "1", "strict": "1"}
    answer = admin.read(**asked, include_methods=name)
    assert answer["objects"][0][name]
    assert "warnings" not in answer


@pytest.mark.parametrize("name", ["sort_order", "include_fields", "include_methods", "expand", "sort_on", "references"])
def test_an_empty_word_means_the_default(admin: Client, name: str) -> None:
    plain = admin.read(portal_type="Client", strict="1")
    answer = admin.read(portal_type="Client", strict="1", **{name: ""})
    assert answer["objects"] == plain["objects"]
    assert "warnings" not in answer


def test_a_name_that_is_there_is_suggested(admin: Client) -> None:
    (warning,) = admin.read(portal_type="Client", include_fields="Titel")["warnings"]
    assert "did you mean 'title'" in warning.lower()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("title", "'title' is not a reference field of what is searched, but of kind string, which refers to nothing."),
        ("Clientt", "did you mean 'Client'?"),
        ("Titel", "'Titel' is not a reference field of what is searched."),
        ("UID", "but a member of every answer, which refers to nothing."),
    ],
)
def test_a_word_that_cannot_be_expanded_is_told_why(admin: Client, word: str, told: str) -> None:
    (warning,) = admin.read(portal_type="Batch", catalog_name="bika_catalog", expand=word)["warnings"]
    assert told in warning
    assert f"did you mean {word!r}" not in warning


@pytest.mark.parametrize("name", ["Result", "Uncertainty"])
def test_a_field_that_the_caller_may_not_see_warns_as_one_that_is_not_there(
    as_user: AsUser, admin: Client, name: str
) -> None:
    asked = {"catalog_name": "bika_analysis_catalog", "review_state": "sample_received"}
    rita = as_user("rita")
    open_to_all = admin.read(include_fields=name, **asked)
    assert "warnings" not in open_to_all
    hidden, missing = (rita.read(include_fields=word, **asked) for word in (name, "Nosuch"))
    assert hidden["total_objects"] == missing["total_objects"] > 0
    if any(name in item for item in hidden["objects"]):
        pytest.skip("the caller sees the field")
    assert any(repr(name) in warning for warning in hidden["warnings"])
    rita.refused("read", {**asked, "include_fields": name, "strict": "1"}, status=400)


def test_accessors_of_published_clients_are_methods(admin: Client) -> None:
    asked = {"catalog_name": "bika_setup_catalog", "portal_type": "AnalysisService", "title": "Calcium", "strict": "1"}
    whole = admin.only(**asked)
    for name in ("getCategoryTitle", "CategoryTitle"):
        assert admin.only(include_methods=name, **asked)[name] == whole["CategoryTitle"]
        narrow = admin.only(include_fields="id", include_methods=name, **asked)
        assert narrow == {"path": whole["path"], "id": whole["id"], name: whole["CategoryTitle"]}


def test_roles_that_are_not_there_are_told(admin: Client) -> None:
    answer = succeeded(admin.get("getusers", {"roles": ["Analyst", "Analist"]}))
    assert answer["warnings"] == ["roles: there is no role 'Analist'."]


@pytest.mark.parametrize(
    ("name", "text", "typed"),
    [("getPrice", "15.00", {"getPrice:float": "15.00"}), ("sortKey", "5", {"sortKey:int": "5"})],
)
def test_a_criterion_of_another_type_warns_with_the_spelling_that_works(
    admin: Client, name: str, text: str, typed: dict[str, str]
) -> None:
    catalog = "bika_setup_catalog" if name == "getPrice" else "bika_catalog"
    answer = admin.read(catalog_name=catalog, **{name: text})
    ((spelling, value),) = typed.items()
    if any("no index" in warning for warning in answer["warnings"]):
        answer = admin.read(catalog_name="bika_setup_catalog", **{name: text})
    assert answer["total_objects"] == 0
    assert any(f"{spelling}={value}" in warning for warning in answer["warnings"]), answer["warnings"]
    asked = {"catalog_name": "bika_setup_catalog", name: text, "strict": "1"}
    body = admin.refused("read", asked, status=400, type="BadRequest")
    assert body["errors"][0]["parameter"] == name
    assert "warnings" not in admin.read(catalog_name="bika_setup_catalog", **typed)


@pytest.mark.parametrize("sort_on", ["getClientOrderNumber", "getClientReference"])
def test_sorting_by_an_empty_text_leaves_nothing_out(admin: Client, sort_on: str) -> None:
    asked = {"catalog_name": "bika_catalog", "portal_type": "AnalysisRequest", "page_size": "0"}
    everything = admin.read(**asked)
    assert len(admin.read(sort_on=sort_on, **asked)["objects"]) == everything["total_objects"] >= 40
    without = admin.read(**{sort_on: ""}, **asked)["objects"]
    member = sort_on.removeprefix("get")
    assert {item["path"] for item in without} == {item["path"] for item in everything["objects"] if item[member] == ""}
    assert without


# Pages


@pytest.fixture(scope="module")
def series(root: str) -> tuple[Client, str, list[str]]:
    client = Client(root, "admin")
    mark = unique("pages")
    return client, mark, [make_batch(client, title=mark)["obj_id"] for _ in range(9)]


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["objects"]]


@pytest.mark.parametrize("more", [{}, {"catalog_name": "bika_catalog"}, {"limit": "5"}])
def test_nothing_is_behind_the_page_that_holds_everything(
    series: tuple[Client, str, list[str]], more: dict[str, str]
) -> None:
    client, mark, made = series
    first = client.read(portal_type="Batch", title=mark, page_size="0", page_nr="0", **more)
    assert ids(first) == made[: int(more.get("limit", 9))]
    for number in ("1", "7"):
        answer = client.read(portal_type="Batch", title=mark, page_size="0", page_nr=number, **more)
        assert answer["objects"] == []
        assert answer["total_objects"] == answer["first_object_nr"] == answer["last_object_nr"] == len(ids(first))
    history = client.call("history", {"obj_path": f"/batches/{made[0]}", "page_size": "0", "page_nr": "1"})
    assert history["history"] == []
    request = {"portal_type": "Batch", "catalog_name": "bika_catalog", "title": mark, "action": "close"}
    client.refused("doActionFor", request | {"page_size": "0", "page_nr": "1"}, status=404)


@pytest.mark.parametrize(
    ("sort_on", "sort_order"),
    [
        ("review_state,title,id", "descending,descending,ascending"),
        ("review_state,title,id", "ascending,ascending,descending"),
        ("review_state,id,title", "ascending,descending,ascending"),
        ("review_state,review_state,id", "ascending,ascending,descending"),
    ],
)
@pytest.mark.parametrize("repeated", [True, False])
def test_each_order_goes_with_its_name(
    series: tuple[Client, str, list[str]], sort_on: str, sort_order: str, repeated: bool
) -> None:
    client, mark, made = series
    names, orders = sort_on.split(","), sort_order.split(",")
    sent = {"sort_on": names, "sort_order": orders} if repeated else {"sort_on": sort_on, "sort_order": sort_order}
    answer = client.read(portal_type="Batch", title=mark, catalog_name="bika_catalog", **sent)
    assert ids(answer) == (made if orders[names.index("id")] == "ascending" else made[::-1])


@pytest.mark.parametrize("sort_on", ["id", "created", "review_state", "review_state,title", "path"])
@pytest.mark.parametrize("sort_order", ["ascending", "descending"])
def test_a_cursor_leads_through_the_whole_result(
    series: tuple[Client, str, list[str]], sort_on: str, sort_order: str
) -> None:
    client, mark, _ = series
    asked = {"portal_type": "Batch", "title": mark, "sort_on": sort_on, "sort_order": sort_order}
    whole = ids(client.read(page_size="0", **asked))
    seen: list[str] = []
    more: dict[str, str] = {}
    while True:
        answer = client.read(page_size="2", **asked, **more)
        assert (answer["total_objects"], answer["first_object_nr"]) == (9, len(seen))
        seen += ids(answer)
        if "next" not in answer:
            break
        more = {"next": answer["next"]}
    assert seen == whole
    first = client.read(page_size="4", **asked)
    assert ids(client.read(page_size="0", next=first["next"], **asked)) == whole[4:]
    limited = client.read(page_size="4", limit="6", **asked)
    rest = client.read(page_size="4", limit="6", next=limited["next"], **asked)
    assert ids(limited) + ids(rest) == whole[:6]
    assert "next" not in rest


@pytest.mark.parametrize("page_size", ["3", "0"])
def test_a_cursor_skips_nothing_when_rows_leave_and_come(admin: Client, page_size: str) -> None:
    mark = unique("leaving")
    made = [make_batch(admin, title=mark) for _ in range(7)]
    names = [batch["obj_id"] for batch in made]
    asked = {"portal_type": "Batch", "title": mark, "catalog_name": "bika_catalog", "review_state": "open"}
    first = admin.read(page_size="3", **asked)
    assert ids(first) == names[:3]
    admin.call("doActionFor_many", {"obj_paths": made[0]["path"], "action": "close"})
    admin.call("doActionFor_many", {"obj_paths": made[2]["path"], "action": "close"})
    late = make_batch(admin, title=mark)["obj_id"]
    seen = ids(first)
    answer = first
    while "next" in answer:
        answer = admin.read(page_size=page_size, next=answer["next"], **asked)
        seen += ids(answer)
    assert seen == [*names, late]


@pytest.mark.parametrize(
    "text", ["x", "", "W10", "WyJhIiwxLFtdXQ", "é", "A" * 9000, "WyJhIiwtMSxbWyJpIiwxXV1d", "bnVsbA", "MQ"]
)
def test_a_cursor_that_no_answer_gave_is_refused(admin: Client, text: str) -> None:
    asked = {"portal_type": "Client", "next": text}
    if not text:
        assert admin.read(**asked)["total_objects"] >= 5
        return
    body = admin.refused("read", asked, status=400, type="BadRequest")
    assert body["errors"][0]["parameter"] == "next"


def test_a_cursor_belongs_to_its_search(series: tuple[Client, str, list[str]]) -> None:
    client, mark, _ = series
    asked = {"portal_type": "Batch", "title": mark}
    following = client.read(page_size="2", **asked)["next"]
    for other in ({"title": "other"}, {"sort_on": "created"}, {"sort_order": "descending"}, {"page_nr": "1"}):
        failed(client.post("read", {**asked, "next": following, **other}), 400)
