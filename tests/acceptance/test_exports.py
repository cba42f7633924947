"""`read` with `format`: files of what is found, over HTTP."""

import csv
import io
import json

import requests

from objapi.sheets.exporting import XLSX_TYPE
from objapi.sheets.xlsx import read_xlsx
from tests.acceptance.client import Client, failed
from tests.acceptance.making import unique


def rows_of(response: requests.Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))


def make_batches(admin: Client, word: str, number: int) -> None:
    entries = [
        {"obj_type": "Batch", "obj_path": "/batches", "title": f"{word} {n}", "Remarks": "=1+1"} for n in range(number)
    ]
    assert admin.json("create_many", {"input_values": entries}).json()["success"]


def test_all_that_is_found_comes_as_a_file_in_each_format(admin: Client) -> None:
    word = unique("Export").replace(" ", "-")
    make_batches(admin, word, 12)
    asked = {"portal_type": "Batch", "title.startswith": word, "sort_on": "created"}
    some = {**asked, "include_fields": "title,Remarks,titel"}
    got = admin.get("read", {**some, "format": "csv"})
    rows = rows_of(got)
    assert rows[0] == ["UID", "version", "path", "title", "Remarks"]
    assert [row[3:] for row in rows[1:]] == [[f"{word} {n}", "'=1+1"] for n in range(12)]
    assert got.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert got.headers["Content-Disposition"] == "attachment; filename=Batch.csv"
    assert got.headers["X-Api-Total-Objects"] == "12"
    assert "'titel'" in json.loads(got.headers["X-Api-Warnings"])[0]
    book = admin.get("read", {**some, "format": "XLSX", "page_size": "5"})
    assert book.headers["Content-Type"] == XLSX_TYPE
    assert read_xlsx(book.content) == [rows[0], *([*row[:4], "=1+1"] for row in rows[1:6])]
    lines = admin.get("read", {**asked, "format": "ndjson"}).text.splitlines()
    whole = admin.read(**asked, page_size="0")["objects"]
    assert [json.loads(line) for line in lines] == whole
    by_type = rows_of(admin.get("read", {**asked, "format": "csv"}))
    assert {"review_state", "BatchDate"} <= set(by_type[0])


def test_a_file_that_cannot_be_made_is_refused_with_its_status(admin: Client) -> None:
    for parameters in (
        {"portal_type": "Batch", "format": "pdf", "Prefer": ""},
        {"format": "csv"},
        {"portal_type": "Batch", "format": "csv", "count_only": "1"},
        {"portal_type": "Batch", "format": "csv", "include_fields": "titel", "strict": "1"},
        {"portal_type": "Batch", "format": "xlsx", "sort_on": "colour"},
    ):
        response = admin.get("read", parameters)
        failed(response, 400, "BadRequest")
        assert response.status_code == (200 if parameters["format"] == "pdf" else 400), parameters


def test_what_a_caller_may_not_read_is_not_in_a_file(admin: Client, root: str) -> None:
    rita = Client(root, "rita")
    with rita.http:
        rows = rows_of(rita.get("read", {"portal_type": "Client", "format": "csv", "include_fields": "id"}))
    assert [row[3] for row in rows[1:]] == ["client-1"]
