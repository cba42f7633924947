"""Webhooks go to hosts that the settings name, and to no address of the network that the gateway is in."""

import socket
from typing import Any

import pytest

from objapi.settings import Settings, SettingsError, load_settings
from objapi.webhooks.destinations import DestinationRefused, read_destination, resolve

SETTINGS = Settings(webhook_hosts=("hooks.example.org", "other.example.org:8443", "localhost:9000", "[::1]:9000"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.example.org/in?x=1", ("hooks.example.org", 443, "/in?x=1", "hooks.example.org")),
        ("https://Hooks.Example.org:443", ("hooks.example.org", 443, "/", "hooks.example.org")),
        ("https://other.example.org:8443/", ("other.example.org", 8443, "/", "other.example.org:8443")),
        ("http://localhost:9000/", ("localhost", 9000, "/", "localhost:9000")),
        ("http://[::1]:9000/", ("::1", 9000, "/", "[::1]:9000")),
    ],
)
def test_urls_of_listed_hosts_are_read(url: str, expected: tuple[str, int, str, str]) -> None:
    found = read_destination(url, SETTINGS)
    assert (found.host, found.port, found.target, found.host_header) == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://other.example.org:8443/", "https is expected"),
        ("https://hooks.example.org:444/", "not among"),
        ("https://other.example.org/", "not among"),
        ("https://evil.example.org/", "not among"),
        ("https://hooks.example.org.evil.org/", "not among"),
        ("http://localhost/", "not among"),
        ("http://127.0.0.1:9000/", "not among"),
        ("https://user:word@hooks.example.org/", "without user name"),
        ("https://hooks.example.org@evil.org/", "without user name"),
        ("https://hooks.example.org/#x", "fragment"),
        ("https://hooks.example.org/ x", "without blanks"),
        ("https://hooks.example.org/\r\nX: y", "without blanks"),
        ("https://hooks.example.org:0/", "https URL"),
        ("https://hooks.example.org:x/", "no URL"),
        ("ftp://hooks.example.org/", "https URL"),
        ("file:///etc/passwd", "https URL"),
        ("https:///in", "no host"),
        ("https://hooks.example.org/" + "x" * 2000, "at most"),
    ],
)
def test_other_urls_are_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(DestinationRefused, match=why):
        read_destination(url, SETTINGS)


def test_without_hosts_webhooks_are_off() -> None:
    with pytest.raises(DestinationRefused, match="OBJAPI_WEBHOOK_HOSTS"):
        read_destination("https://hooks.example.org/", Settings())


@pytest.mark.parametrize("hosts", ["https://hooks.example.org", "a/b", "a:0", "u@a", "a b", "1.2.3.4.5:x"])
def test_a_setting_that_names_no_host_is_refused(hosts: str) -> None:
    with pytest.raises(SettingsError, match="OBJAPI_WEBHOOK_HOSTS"):
        load_settings({"OBJAPI_WEBHOOK_HOSTS": hosts})


def means(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name mean these addresses."""

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


PRIVATE = [
    *("127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fc00::1", "0.0.0.0"),
    *("100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.7", "::", "ff02::1"),
    # Addresses that stand for others, or lead to them.
    *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1", "2002:7f00:1::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_public_name_never_leads_into_a_network(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    destination = read_destination("https://hooks.example.org/", SETTINGS)
    for found in ((address,), ("93.184.216.34", address)):
        means(monkeypatch, *found)
        with pytest.raises(DestinationRefused, match=r"hooks\.example\.org is "):
            resolve(destination)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_network_is_refused_though_the_settings_name_it(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    settings = Settings(webhook_hosts=(host,))
    destination = read_destination(f"https://{host}/", settings)
    if destination.is_this_machine:
        assert resolve(destination).is_loopback
    else:
        with pytest.raises(DestinationRefused):
            resolve(destination)


def test_a_public_name_means_its_first_address(monkeypatch: pytest.MonkeyPatch) -> None:
    means(monkeypatch, "93.184.216.34", "2606:2800:220:1::1")
    assert str(resolve(read_destination("https://hooks.example.org/", SETTINGS))) == "93.184.216.34"


def test_localhost_is_this_machine_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    destination = read_destination("http://localhost:9000/", SETTINGS)
    means(monkeypatch, "127.0.0.1")
    assert resolve(destination).is_loopback
    means(monkeypatch, "93.184.216.34")
    with pytest.raises(DestinationRefused, match="not this machine"):
        resolve(destination)
