"""`objapi webhook`: hooks are made, tried and removed where the site is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from standardwebhooks import Webhook

from objapi.cli import main
from tests.objapi.webhooks.receiver import Receiver, receiver


def objapi(*arguments: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=given)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def data(tmp_path: Path, there: Receiver, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory of a new site with a user, whose webhooks may be sent to a receiver."""
    for name in ("OBJAPI_DATABASE_URL", "OBJAPI_PROFILES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OBJAPI_PROFILES", "mxlive")
    monkeypatch.setenv("OBJAPI_WEBHOOK_HOSTS", there.place)
    monkeypatch.setenv("OBJAPI_DATA_DIR", str(tmp_path / "var"))
    assert objapi("init").exit_code == 0
    assert objapi("user", "add", "boss", "--password-stdin", given="a long secret\n").exit_code == 0
    return tmp_path


def test_a_hook_is_added_listed_tried_set_back_and_removed(data: Path, there: Receiver) -> None:
    url = f"http://{there.place}/in"
    added = objapi("webhook", "add", url, "--owner", "boss", "--types", "MxSample")
    secret = added.stdout.strip()
    assert (added.exit_code, secret.startswith("whsec_")) == (0, True)
    hook, owner, shown, types, state = objapi("webhook", "list").stdout.strip().split("\t")
    assert (owner, shown, types, state) == ("boss", url, "MxSample", "nothing sent yet")
    assert hook in added.stderr
    tried = objapi("webhook", "test", hook)
    assert (tried.exit_code, tried.stdout) == (0, f"{url} has taken the message: status 204.\n")
    ((headers, body),) = there.received
    Webhook(secret).verify(body, headers)
    there.statuses = [500]
    failed = objapi("webhook", "test", hook)
    assert (failed.exit_code, "status 500" in failed.stderr) == (1, True)
    assert objapi("webhook", "replay", hook, "--since", "0").exit_code == 0
    assert objapi("webhook", "remove", hook).exit_code == 0
    assert objapi("webhook", "list").stdout == ""
    refused = objapi("webhook", "test", hook)
    assert (refused.exit_code, "no webhook" in refused.stderr) == (1, True)


def test_what_is_wrong_is_said_in_a_line(data: Path) -> None:
    refused = objapi("webhook", "add", "https://evil.example.org/", "--owner", "boss")
    assert (refused.exit_code, "OBJAPI_WEBHOOK_HOSTS" in refused.stderr) == (1, True)
    unknown = objapi("webhook", "add", "https://evil.example.org/", "--owner", "nobody")
    assert (unknown.exit_code, "nobody" in unknown.stderr) == (1, True)
