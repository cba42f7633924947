"""`/metrics` is there for this machine and for the hosts that the settings name."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from objapi.app import create_app
from objapi.http.metrics import DIRECTORY_VARIABLE
from objapi.settings import Settings

HOSTS = (ip_network("10.1.0.0/16"), ip_network("2001:db8::7"))
PROXIES = (ip_network("10.9.9.9"),)


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("::ffff:127.0.0.1", "", 200),
        ("10.1.2.3", "", 200),
        ("2001:db8::7", "", 200),
        ("10.2.0.1", "", 404),
        ("2001:db8::8", "", 404),
        # A proxy that is not trusted, on this machine or a host that may: nobody knows for whom it asks.
        ("127.0.0.1", "10.1.2.3", 404),
        ("10.1.2.3", "10.1.2.3", 404),
        ("10.9.9.9", "10.1.2.3", 200),
        ("10.9.9.9", "127.0.0.1, 198.51.100.1", 404),
        ("10.9.9.9", "", 404),
    ],
)
def test_hosts_that_may_read_the_numbers(
    peer: str, forwarded: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    settings = Settings(data_dir=tmp_path, profiles=("base",), metrics_hosts=HOSTS, trusted_proxies=PROXIES)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    client = create_app(settings).test_client()
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.status_code == status


def test_without_a_server_that_counts_there_are_no_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    client = create_app(Settings(data_dir=tmp_path, profiles=("base",))).test_client()
    assert client.get("/metrics").status_code == 404
