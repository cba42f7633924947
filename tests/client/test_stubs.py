"""Classes that are written for the types of a site: what they are, and that nothing of a site becomes code."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from objapi.api.description.document import describe
from objapi.api.methods import METHODS
from objapi_client.names import type_name
from objapi_client.stubs import UnknownType, written
from tests.shipped import load_once

URL = "https://lab.example/Plone"
ROOT = Path(__file__).resolve().parents[2]


def loaded(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "lab_types"}
    exec(compile(text, "lab_types.py", "exec"), names)
    return names


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return describe(load_once(["lims"]), METHODS)


def test_every_type_has_a_class_to_read_and_one_to_write(description: dict[str, Any]) -> None:
    names = loaded(written(description, URL))
    read, sent = get_type_hints(names["AnalysisRequest"]), get_type_hints(names["AnalysisRequestValues"])
    assert read["UID"] is str
    assert get_args(read["portal_type"]) == ("AnalysisRequest",)
    assert read["review_state"] == str | None
    assert "review_state" not in sent
    assert type_name(names["Batch"]) == "Batch"


def test_some_types_can_be_asked_for(description: dict[str, Any]) -> None:
    text = written(description, URL, ["Batch"])
    assert "class BatchValues(TypedDict, total=False):" in text
    assert "class Client(" not in text
    with pytest.raises(UnknownType, match="Bach"):
        written(description, URL, ["Batch", "Bach"])


def test_names_of_a_site_stay_texts() -> None:
    title = 'x"""\nimport os\r\x0c\u2028os.abort() #\\'
    fields = {
        "for": {"type": "string"},
        "a-b'": {"enum": ["it's", title, None, 1]},
        "c": {"type": ["array", "null"], "items": {"type": "integer"}},
    }
    odd = {"title": title, "properties": {"portal_type": {"const": title}, **fields}}
    plain = {
        "title": title,
        "properties": {"portal_type": {"const": "Plain"}, "size": {"type": "number", "title": title}},
    }
    schemas = {
        "Odd_1": odd,
        "Odd_1Values": {"properties": fields},
        "Plain": plain,
        "PlainValues": {},
        "not a name": odd,
    }
    names = loaded(written({"components": {"schemas": schemas}}, f'{URL}"""{title}'))
    assert type_name(names["Odd_1"]) == title
    assert names["Odd_1"].__annotations__.keys() == {"portal_type", *fields}
    assert get_type_hints(names["Plain"], names)["size"] is float
    assert "os" not in names


@pytest.mark.extended
def test_a_script_with_classes_of_a_site_is_checked(description: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "lab_types.py").write_text(written(description, URL), encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "from lab_types import Batch, BatchValues\n"
        "from objapi_client import Site\n"
        "with Site('https://lab.example/Plone', token='t') as site:\n"
        "    for batch in site.query(Batch, review_state='open'):\n"
        "        reveal_type(batch['title'])\n"
        "        batch['titel']\n"
        "    values: BatchValues = {'title': 'Spring'}\n"
        "    site.create(Batch, '/batches', values)\n"
        "    reveal_type(site.get('/batches/B-1', Batch))\n"
        "    wrong: BatchValues = {'title': 1}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path), str(script)]
    path = {"MYPYPATH": f"{ROOT / 'client'}:{tmp_path}", "PATH": ""}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=path, cwd=tmp_path).stdout
    errors = [line.split(": ", 1)[0] for line in told.splitlines() if ": error:" in line]
    assert errors == ["script.py:6", "script.py:10"], told
    assert "Batch" in told.splitlines()[-3] or "TypedDict" in told
    assert 'Revealed type is "str | None"' in told or 'Revealed type is "Union[str, None]"' in told
