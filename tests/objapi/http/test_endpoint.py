import pytest
from hypothesis import given
from hypothesis import strategies as st

from objapi.errors import BadRequest
from objapi.http.endpoint import ApiTarget, split_path


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/@@API/read", ApiTarget((), "api", "read")),
        ("/Plone/@@API/read", ApiTarget(("Plone",), "api", "read")),
        ("/Plone/API/read/", ApiTarget(("Plone",), "api", "read")),
        ("//Plone//@@API//read//", ApiTarget(("Plone",), "api", "read")),
        ("/Plone/clients/client-1/@@API/update", ApiTarget(("Plone", "clients", "client-1"), "api", "update")),
        ("/Plone/@@API/types/AnalysisRequest", ApiTarget(("Plone",), "api", "types", ("AnalysisRequest",))),
        ("/Plone/@@API/types/API", ApiTarget(("Plone",), "api", "types", ("API",))),
        ("/Plone/API/API/@@API/read", ApiTarget(("Plone", "API", "API"), "api", "read")),
        ("/Plone/@@API/x/@@API/read", ApiTarget(("Plone", "@@API", "x"), "api", "read")),
        ("/Plone/@@API", ApiTarget(("Plone",), "api")),
        ("/Plone/@@API/", ApiTarget(("Plone",), "api")),
        ("/API", ApiTarget((), "api")),
        ("/Plone/API/@@API", ApiTarget(("Plone", "API"), "api")),
        ("/Plone/@@api/read", ApiTarget(("Plone", "@@api", "read"))),
        ("/Plone/login_form", ApiTarget(("Plone", "login_form"))),
        ("/a b/é/@@API/read", ApiTarget(("a b", "é"), "api", "read")),
        ("/", ApiTarget(())),
        ("", ApiTarget(())),
    ],
)
def test_paths_are_split_at_the_last_endpoint(path: str, target: ApiTarget) -> None:
    assert split_path(path.encode()) == target


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (b"/Plone/\xff/@@API/read", "UTF-8"),
        (b"/Plone/\xed\xa0\x80", "UTF-8"),
        (b"/Plone\0/@@API/read", "NUL"),
        (b"/Plone/../@@API/read", r"\.\."),
        (b"/Plone/@@API/..", r"\.\."),
    ],
)
def test_paths_that_mean_mischief_are_refused(path: bytes, word: str) -> None:
    with pytest.raises(BadRequest, match=word):
        split_path(path)


def test_dots_inside_a_name_are_a_name() -> None:
    assert split_path(b"/a..b/...").before == ("a..b", "...")


SEGMENTS = st.lists(st.sampled_from(["@@API", "API", "read", "clients", "é"]), max_size=6)


@given(SEGMENTS, st.sampled_from(["/", "//"]))
def test_no_segment_is_lost(segments: list[str], slash: str) -> None:
    target = split_path((slash + slash.join(segments) + slash).encode())
    found = [segment for segment in (*target.before, target.method, *target.rest) if segment is not None]
    if target.endpoint is None:
        assert found == segments
    else:
        place = len(target.before)
        assert segments[place] in ("@@API", "API")
        assert found == segments[:place] + segments[place + 1 :]
        assert target.method not in ("@@API", "API")


@given(st.binary(max_size=60))
def test_any_path_is_split_or_refused(path: bytes) -> None:
    try:
        target = split_path(path)
    except BadRequest:
        assert b"\0" in path or b".." in path or path.decode("utf-8", "replace").encode() != path
    else:
        assert "" not in target.before + target.rest
