"""`objapi pull` takes the password from where nobody else reads it, and refuses what it cannot use in a sentence."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from objapi.cli import main


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("http://admin:secret@lims.example.org", "--user", "admin"), "", "Leave user and password out of the URL"),
        (("lims.example.org", "--user", "admin"), "", "is no URL"),
        (("http://lims.example.org", "--user", "admin", "--password-file", "empty"), "", "The password is empty"),
        (("http://lims.example.org", "--user", "admin"), "tell nobody\n", "There is no site"),
        (("http://lims.example.org",), "", "--user"),
        (("http://lims.example.org", "--user", "admin", "--password", "secret"), "", "No such option"),
    ],
    ids=["in the URL", "no URL", "empty file", "no site", "nobody", "on the command line"],
)
def test_what_cannot_be_used_is_refused(
    arguments: tuple[str, ...], given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OBJAPI_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.delenv("PULL_PASSWORD", raising=False)
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["pull", *arguments], input=given)
    assert result.exit_code != 0
    assert message in result.output
    assert "tell nobody" not in result.output
