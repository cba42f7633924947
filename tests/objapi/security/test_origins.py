"""A page of another site cannot act with the user's log-in."""

import pytest

from objapi.errors import CrossSite
from objapi.security.origins import BrowserMarks, check_cross_site, same_origin

OWN = ("https://lab.example", "http://127.0.0.1:8080")
ALLOWED = ("https://front.example:8443",)


@pytest.mark.parametrize("authentication", ["cookie", "basic"])
@pytest.mark.parametrize(
    ("fetch_site", "origin", "refused"),
    [
        (None, None, False),
        ("same-origin", None, False),
        ("none", None, False),
        ("same-origin", "https://lab.example", False),
        ("Same-Origin ", "https://LAB.example:443", False),
        ("same-site", None, True),
        ("cross-site", None, True),
        ("", None, True),
        ("nonsense", None, True),
        ("cross-site", "https://evil.example", True),
        ("cross-site", "https://lab.example", True),
        ("same-origin", "https://evil.example", True),
        (None, "https://evil.example", True),
        (None, "http://lab.example", True),
        (None, "https://lab.example:8443", True),
        (None, "https://lab.example.evil.example", True),
        (None, "https://lab.example@evil.example", True),
        (None, "null", True),
        (None, "", True),
        (None, "http://127.0.0.1:8080", False),
        ("cross-site", "https://front.example:8443", False),
        ("same-site", "https://front.example:8443", False),
        (None, "https://front.example:8443", False),
        (None, "https://front.example", True),
    ],
)
def test_a_changing_call_from_another_site_is_refused(
    authentication: str, fetch_site: str | None, origin: str | None, refused: bool
) -> None:
    def check(changes_state: bool) -> None:
        check_cross_site(
            BrowserMarks(fetch_site, origin),
            changes_state=changes_state,
            authentication=authentication,
            own=OWN,
            allowed=ALLOWED,
        )

    check(False)
    if refused:
        with pytest.raises(CrossSite) as refusal:
            check(True)
        assert refusal.value.status == 403
    else:
        check(True)


@pytest.mark.parametrize("authentication", ["token", "none"])
def test_what_a_browser_does_not_send_by_itself_is_not_checked(authentication: str) -> None:
    marks = BrowserMarks("cross-site", "https://evil.example")
    check_cross_site(marks, changes_state=True, authentication=authentication, own=OWN)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "lab.example",
        "//lab.example",
        "https://",
        "https://lab.example/x",
        "https://lab.example?x",
        "ftp://lab.example",
        "https://lab.example:port",
        "https://[lab.example",
        "https://u@lab.example",
        "https://lab.example:99999",
    ],
)
def test_what_is_no_origin_is_the_same_as_none(origin: str) -> None:
    assert not same_origin(origin, [*OWN, origin])


def test_a_long_header_is_not_repeated_in_full() -> None:
    with pytest.raises(CrossSite) as refusal:
        check_cross_site(
            BrowserMarks(None, "https://" + "x" * 5000), changes_state=True, authentication="cookie", own=OWN
        )
    assert len(refusal.value.message) < 500
