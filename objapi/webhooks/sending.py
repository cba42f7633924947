"""One message to one receiver, signed as the specification Standard Webhooks has it.

The connection goes to the address that was checked, whatever the name of the host means by then; the certificate has to
be one of that name. Redirections are answers like others. The whole of it is bounded in time.
"""

import ssl
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import new
from typing import Final

import urllib3

from objapi import __version__
from objapi.security.outgoing import NoAnswer, within
from objapi.webhooks.destinations import Address, Destination, DestinationRefused, resolve

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - says that a secret follows
GONE: Final = 410
_VERSION: Final = "v1"


@dataclass(frozen=True, slots=True)
class Message:
    """A message; the same one sent again has the same id."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What came of sending a message: the status of the answer, or none and why."""

    status: int | None
    text: str

    @property
    def delivered(self) -> bool:
        """True for an answer by which the receiver has taken the message."""
        return self.status is not None and 200 <= self.status < 300


def secret_text(key: bytes) -> str:
    """A key as receivers are told it."""
    return SECRET_PREFIX + b64encode(key).decode()


def signature(key: bytes, message: Message, timestamp: int) -> str:
    """The value of the header `webhook-signature`."""
    signed = b"%s.%d.%s" % (message.id.encode(), timestamp, message.body)
    return f"{_VERSION},{b64encode(new(key, signed, sha256).digest()).decode()}"


def send(destination: Destination, key: bytes, message: Message, now: datetime, seconds: float) -> SendOutcome:
    """Send a message. A host whose name means nothing, or an address that nothing is sent to, has failed, too.

    Names come to mean something else, and come back: that is tried again.
    """
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "Host": destination.host_header,
        "User-Agent": f"objapi/{__version__}",
        "webhook-id": message.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message, timestamp),
    }
    try:
        return within(seconds, lambda: _post(destination, headers, message.body, seconds))
    except (NoAnswer, DestinationRefused) as failure:
        return SendOutcome(None, str(failure))


def _post(destination: Destination, headers: dict[str, str], body: bytes, seconds: float) -> SendOutcome:
    try:
        with _pool(destination, resolve(destination), seconds) as pool:
            # Of the answer only its status counts; its body is not read.
            answer = pool.urlopen(
                "POST",
                destination.target,
                body,
                headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
            answer.close()
    except ssl.SSLError as failure:
        raise NoAnswer(f"its certificate is not valid ({failure.reason or 'TLS'})") from None
    except urllib3.exceptions.SSLError:
        raise NoAnswer("its certificate is not valid for the host") from None
    except urllib3.exceptions.NewConnectionError:
        # Before its base class, which is that of time-outs.
        raise NoAnswer("it cannot be reached") from None
    except urllib3.exceptions.TimeoutError:
        raise NoAnswer(f"it did not answer within {seconds:g} s") from None
    except urllib3.exceptions.HTTPError:
        raise NoAnswer("it cannot be reached") from None
    return SendOutcome(answer.status, f"status {answer.status}")


def _pool(destination: Destination, address: Address, seconds: float) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(total=seconds)
    if not destination.secure:
        return urllib3.HTTPConnectionPool(str(address), destination.port, timeout=timeout, maxsize=1)
    return urllib3.HTTPSConnectionPool(
        str(address),
        destination.port,
        timeout=timeout,
        maxsize=1,
        # The certificates that OpenSSL trusts on this machine, or SSL_CERT_FILE names.
        ssl_context=ssl.create_default_context(),
        server_hostname=destination.host,
        assert_hostname=destination.host,
    )
