import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.model.paths import Back, Children, Parent, Path, PathError, Target, parse_path, parse_relation


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("id", Path((), "id")),
        ("SampleType.title", Path((Target("SampleType"),), "title")),
        ("parent.Sample.DateSampled", Path((Parent(), Target("Sample")), "DateSampled")),
        ("children(Analysis).Analyst", Path((Children(("Analysis",)),), "Analyst")),
        ("children(Analysis, Reference).uid", Path((Children(("Analysis", "Reference")),), "uid")),
        ("back(Worksheet.Analyses).id", Path((Back("Worksheet", "Analyses"),), "id")),
        ("parent.PhysicalAddress/state", Path((Parent(),), "PhysicalAddress", "state")),
        ("RetestOf.Previous Results", Path((Target("RetestOf"),), "Previous Results")),
    ],
)
def test_a_path_is_read_step_by_step(text, path):
    assert parse_path(text) == path
    assert str(path) == text


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("self", Path()),
        ("parent", Path((Parent(),))),
        ("Sample", Path((Target("Sample"),))),
        ("Sample.children(SamplePartition)", Path((Target("Sample"), Children(("SamplePartition",))))),
    ],
)
def test_a_relation_ends_in_objects(text, path):
    assert parse_relation(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a/b.c",
        "children()",
        "children(A",
        "back(A)",
        "back(A.B,C.D)",
        "9a",
        "a-b",
        "a b.",
        "parent",
    ],
)
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(PathError):
        parse_path(text)


def test_a_relation_does_not_end_in_a_key():
    with pytest.raises(PathError, match="key of a record"):
        parse_relation("Client.Address/city")


@pytest.mark.parametrize(
    ("text", "multiple"),
    [("parent.title", False), ("Sample.title", False), ("children(A).title", True), ("parent.back(A.b).title", True)],
)
def test_a_path_over_contained_or_referring_objects_has_many_values(text, multiple):
    assert parse_path(text).multiple is multiple


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("parent", "self", "children", "back")
)
steps = st.one_of(
    st.just(Parent()),
    names.map(Target),
    st.lists(names, min_size=1, max_size=3).map(lambda types: Children(tuple(types))),
    st.builds(Back, names, names),
)


@given(st.lists(steps, max_size=5), names, st.none() | names)
def test_a_written_path_is_read_back(walked, attribute, key):
    path = Path(tuple(walked), attribute, key)
    assert parse_path(str(path)) == path


@given(st.text(max_size=40) | st.text("ab.()/ parentchildrenback", max_size=40))
def test_any_text_is_a_path_or_refused(text):
    try:
        path = parse_path(text)
    except PathError as error:
        assert str(error)
    else:
        assert parse_path(str(path)) == path
