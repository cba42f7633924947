"""The profile of the guide loads and serves, and the guide's tables name what the loader knows."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from objapi.model.behaviors import Behaviors
from objapi.model.loading import ProfileError, load_registry, read_content
from objapi.model.loading.catalogs import CATALOG_KEYS, INDEX_KEYS
from objapi.model.loading.charts import CHART_KEYS
from objapi.model.loading.content import OBJECT_KEYS, USER_KEYS
from objapi.model.loading.fields import FIELD_KEYS
from objapi.model.loading.instrument_files import INSTRUMENT_KEYS, RESULT_KEYS, SAMPLE_KEYS
from objapi.model.loading.profiles import PROFILE_KEYS
from objapi.model.loading.reachability import remarks
from objapi.model.loading.result_sheets import SHEET_KEYS
from objapi.model.loading.site import ROLES_KEYS
from objapi.model.loading.types import ID_KEYS, TYPE_KEYS
from objapi.model.loading.worklists import WORKLIST_KEYS
from objapi.model.types import Kind
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.docs.examples import Reader
from tests.docs.pages import DOCS, blocks
from workflows.conditions import STANDARD
from workflows.declare import STATE_KEYS, TRANSITION_KEYS, WORKFLOW_KEYS
from workflows.declare_cascades import FIRE_KEYS, RUN_KEYS, SET_KEYS

PAGE = DOCS / "profiles.md"
_FILE = re.compile(r"# (?P<path>[\w/]+\.(?:yaml|py))(?:, continued)?\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with every file that the page shows; what is continued is added to what was there."""
    root = tmp_path_factory.mktemp("profiles")
    for block in blocks(PAGE, "yaml", "python"):
        named = _FILE.match(block.text)
        assert named is not None, f"{block.place}: the block does not say which file it is"
        path = root / named["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(block.text)
    return root


@pytest.mark.parametrize("database", DATABASES)
def test_the_profile_serves_as_shown(serve: Serve, folder: Path, database: str) -> None:
    reader = Reader(serve(database, OBJAPI_PROFILES=str(folder / "ourlab")))
    reader.follow(PAGE)
    assert not reader.problems, "\n".join(reader.problems)


def test_a_profile_that_is_no_laboratory_loads_without_a_remark(folder: Path) -> None:
    registry = load_registry([folder / "toolshed"])
    assert list(remarks(registry)) == []
    assert registry.types["Tool"].workflows == ("tool_workflow",)


def test_the_first_blocks_are_a_profile_by_themselves(tmp_path: Path) -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The files")[0]
    shown = [block for block in blocks(PAGE, "yaml", "python") if block.text in section]
    assert len(shown) == 4
    for block in shown:
        path = tmp_path / _FILE.match(block.text)["path"]  # type: ignore[index]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    assert "Fridge" in load_registry([tmp_path / "ourlab"]).types


def test_the_content_file_fits_the_profile(folder: Path) -> None:
    content = read_content(folder / "ourlab" / "content.yaml", load_registry([folder / "ourlab"]))
    assert [user.id for user in content.users] == ["ada"]
    assert "/fridge-9" in {item.path for item in content.objects}


def test_mistakes_are_told_as_shown(folder: Path) -> None:
    (shown,) = [block.text.strip() for block in blocks(PAGE, "text")]
    with pytest.raises(ProfileError) as told:
        load_registry([folder / "broken"])
    pattern = ".*".join(re.escape(part) for part in shown.split("…"))
    assert re.fullmatch(pattern, str(told.value).replace(f"{folder}/", ""), re.DOTALL), str(told.value)


def _tables() -> Iterator[list[str]]:
    """The first cells of every table of the page, the heading first; a cell with several names gives each."""
    table: list[str] = []
    for line in [*PAGE.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            cell = line[1:].partition("|")[0].strip()
            table += [cell] if not table else re.findall(r"`([^`]+)`", cell)
        elif table:
            yield table
            table = []


def _named(tables: Mapping[str, list[list[str]]], heading: str, number: int = 0) -> set[str]:
    return set(tables[heading][number])


TABLES: dict[str, list[list[str]]] = {}
for _heading, *_rest in _tables():
    TABLES.setdefault(_heading, []).append(_rest)

FILES = (
    "types/*.yaml",
    "catalogs/*.yaml",
    "workflows/*.yaml",
    "profile.yaml",
    "roles.yaml",
    "layout.yaml",
    "behaviors.py",
    "dialects/*.yaml",
    "worklists.yaml",
    "result_sheets.yaml",
    "charts.yaml",
    "result_files/*.yaml",
    "fields.yaml",
    "languages/*.yaml",
)


@pytest.mark.parametrize(
    ("heading", "number", "known"),
    [
        ("file", 0, FILES),
        ("key", 0, PROFILE_KEYS),
        ("key", 1, TYPE_KEYS),
        ("key", 2, FIELD_KEYS),
        ("key", 3, CATALOG_KEYS),
        ("kind", 0, tuple(Kind)),
        ("kind", 1, ("computed", "default", "check", "effect", "condition", "relation", "creator")),
        ("key of `id`", 0, ID_KEYS),
        ("key of `roles.yaml`", 0, ROLES_KEYS),
        ("key of an index", 0, INDEX_KEYS),
        ("key of a worklist", 0, WORKLIST_KEYS),
        ("key of a sheet", 0, SHEET_KEYS),
        ("key of a chart", 0, CHART_KEYS),
        ("key of a workflow", 0, WORKFLOW_KEYS),
        ("key of a state", 0, STATE_KEYS),
        ("key of a transition", 0, TRANSITION_KEYS),
        ("key of a file of results", 0, INSTRUMENT_KEYS),
        ("key of `samples`", 0, SAMPLE_KEYS),
        ("key of `results`", 0, RESULT_KEYS),
        ("key of a user", 0, USER_KEYS),
        ("key of an object", 0, OBJECT_KEYS),
        ("condition", 0, tuple(STANDARD)),
        ("action", 0, ("fire", "set", "run")),
    ],
)
def test_a_table_names_all_that_is_known(heading: str, number: int, known: tuple[str, ...]) -> None:
    assert _named(TABLES, heading, number) == {str(name) for name in known}


def _rows(heading: str) -> dict[str, str]:
    """The second cells of a table by the names in the first."""
    text = PAGE.read_text(encoding="utf-8")
    lines = text[text.index(f"| {heading} |") :].partition("\n\n")[0].splitlines()[2:]
    cells = [line.strip("|").split("|") for line in lines]
    return {name: row[1] for row in cells for name in re.findall(r"`([^`]+)`", row[0])}


def test_conditions_are_shown_with_their_arguments() -> None:
    shown = {name: set(re.findall(r"`([^`]+)`", cell)) for name, cell in _rows("condition").items()}
    assert shown == {name: {*item.required, *item.optional} for name, item in STANDARD.items()}


def test_actions_are_shown_with_their_keys() -> None:
    shown = {name: {name, *re.findall(r"`([^`]+)`", cell)} for name, cell in _rows("action").items()}
    assert shown == {"fire": set(FIRE_KEYS), "set": set(SET_KEYS), "run": set(RUN_KEYS)}


def test_every_kind_of_behaviour_can_be_added() -> None:
    behaviors = Behaviors()
    function: Callable[..., None] = lambda *_: None  # noqa: E731 - stands for any function
    for kind in TABLES["kind"][1]:
        behaviors.add(kind, "name")(function)
