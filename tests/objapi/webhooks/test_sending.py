"""Messages of webhooks: signed as the specification has it, sent to the address that was checked, followed nowhere."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from objapi.settings import Settings
from objapi.webhooks.destinations import Destination, read_destination
from objapi.webhooks.sending import Message, SendOutcome, secret_text, send, signature
from tests.objapi.webhooks.receiver import Receiver, receiver
from tests.waiting import ENOUGH

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KEY = b"k" * 32
MESSAGE = Message("msg_1", b'{"type":"test"}')


def destination(to: Receiver, scheme: str = "http") -> Destination:
    return read_destination(f"{scheme}://{to.place}/in", Settings(webhook_hosts=(to.place,)))


def sent(to: Receiver, scheme: str = "http", seconds: float = ENOUGH) -> SendOutcome:
    return send(destination(to, scheme), KEY, MESSAGE, NOW, seconds)


@pytest.mark.parametrize("body", [b'{"type":"test"}', b"", '{"a":"é."}'.encode()], ids=["test", "empty", "dots"])
def test_signatures_are_those_of_the_library_of_the_specification(body: bytes) -> None:
    library = Webhook(secret_text(KEY))
    assert signature(KEY, Message("msg_1.x", body), 1614265330) == library.sign(
        "msg_1.x", datetime.fromtimestamp(1614265330, UTC), body.decode()
    )


def test_a_message_is_posted_with_its_headers() -> None:
    with receiver() as there:
        assert sent(there) == SendOutcome(204, "status 204")
    ((headers, body),) = there.received
    assert (body, headers["host"], headers["content-type"]) == (MESSAGE.body, there.place, "application/json")
    assert headers["webhook-id"] == "msg_1"
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert headers["webhook-signature"] == signature(KEY, MESSAGE, int(NOW.timestamp()))


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_answer_is_a_failure_and_redirections_are_not_followed(status: int) -> None:
    with receiver() as there:
        there.statuses = [status]
        outcome = sent(there)
    assert (outcome.delivered, outcome.status, len(there.received)) == (False, status, 1)


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        # A server of names that answers another address the second time.
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    with receiver() as there:
        target = destination(there)
        real = socket.getaddrinfo

        def answered(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
            return look_up(host, port) if host == "localhost" else list(real(host, port, *rest, **options))

        monkeypatch.setattr(socket, "getaddrinfo", answered)
        assert send(target, KEY, MESSAGE, NOW, ENOUGH).delivered
    assert looked_up == ["localhost"]


def test_a_receiver_that_is_silent_or_away_has_failed_in_so_many_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert sent(Receiver(silent.getsockname()[1]), seconds=0.2) == SendOutcome(
            None, "it did not answer within 0.2 s"
        )
    with receiver() as gone:
        pass
    assert sent(gone) == SendOutcome(None, "it cannot be reached")


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], ssl.SSLContext]:
    """A function that makes a certificate for a host, trusted here, and what a server needs to show it."""

    def make(host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        own = tmp_path / f"{host}.pem"
        pem = built.public_bytes(serialization.Encoding.PEM)
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        own.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, plain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own)
        return context

    return make


@pytest.mark.parametrize(
    ("host", "trusted", "delivered"),
    [("localhost", True, True), ("localhost", False, False), ("elsewhere.example.org", True, False)],
    ids=["right", "untrusted", "of-another-name"],
)
def test_https_takes_a_certificate_of_the_host_alone(
    certificate: Callable[[str], ssl.SSLContext],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    trusted: bool,
    delivered: bool,
) -> None:
    with receiver(certificate(host)) as there:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / f"{host}.pem"))
        outcome = sent(there, "https")
    assert outcome.delivered is delivered
    assert (len(there.received), "certificate" in outcome.text) == ((1, False) if delivered else (0, True))
