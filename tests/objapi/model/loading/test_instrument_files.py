"""Shapes of files of instruments: what profiles declare, and every mistake in it."""

from pathlib import Path

import pytest

from objapi.model.loading import load_registry
from objapi.model.loading.profiles import ProfileError

GOOD = """
title: Mine
samples: {column: Id, type: AnalysisRequest, index: scan, fields: [id]}
results: {type: Analysis, index: getKeyword, keyword: Keyword, field: Result, states: [sample_received], action: submit}
test: Test
result: Value
"""


def load(tmp_path: Path, text: str) -> list[str]:
    """The mistakes of a laboratory with a shape of its own."""
    (tmp_path / "result_files").mkdir(exist_ok=True)
    (tmp_path / "profile.yaml").write_text("extends: [lims]\n", encoding="utf-8")
    (tmp_path / "result_files" / "mine.yaml").write_text(text, encoding="utf-8")
    try:
        shape = load_registry([tmp_path]).instrument_files["mine"]
    except ProfileError as error:
        return [f"{problem.line} {problem.key}: {problem.message}" for problem in error.problems]
    assert shape.target.variable == "review_state"
    return []


def test_a_shape_of_a_profile_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD) == []


@pytest.mark.extended
def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    mistakes = load(
        tmp_path,
        """
titel: Mine
encoding: base64
delimiter: dot
decimal: comma
samples: {column: Id, type: AnalysisRequest, index: scam, fields: [ident], pattern: '(a)(b'}
results: {type: Analysis, index: getKeyword, keyword: Keywort, field: Result, states: [open], action: submitt}
test: Test
columns: {A: {keyword: Ca, unit: 1}}
conversions: {g: {unit: mg, factor: '-1'}}
""",
    )
    told = "\n".join(mistakes)
    for expected in (
        "2 titel: the key is not known, did you mean 'title'?",
        "3 encoding: 'base64' is no encoding",
        "4 delimiter: there is no word 'dot'",
        "6 samples.index: there is no index of AnalysisRequest 'scam', did you mean 'scan'?",
        "6 samples.fields: there is no field 'ident'",
        "6 samples.pattern: '(a)(b' is no regular expression",
        "7 results.keyword: there is no field 'Keywort', did you mean 'Keyword'?",
        "7 results.states: there is no state of Analysis 'open'",
        "7 results.action: there is no transition of Analysis 'submitt', did you mean 'submit'?",
        "9 columns.A.unit: 1 is not a text",
        "10 conversions.g.factor: '-1' is no factor",
        "either columns are named",
    ):
        assert expected in told, told
