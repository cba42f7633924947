"""Client of the data proxy, which returns an opaque key for a directory; addresses of files are built from the key.

It is called outside of any transaction.
"""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from objapi.errors import Cause, Unavailable, ValidationError
from objapi.security.outgoing import NoAnswer, ServerAnswer, ask

LONGEST_KEY: Final = 200
_LONGEST_ANSWER: Final = 64 * 1024
_RETRY_AFTER: Final = 10


class DirectoryRefused(ValidationError):
    """The data proxy refuses a key for a directory outside of those that it may show."""


@dataclass(frozen=True, slots=True)
class DataProxy:
    """The proxy at a URL, with its time limit in seconds; without a URL all keys are empty."""

    url: str | None
    timeout: float

    def key_of(self, directory: str) -> str:
        """A fresh key for a directory; empty without a proxy. Raises Unavailable (503) and DirectoryRefused."""
        if self.url is None:
            return ""
        answered = self._ask(directory)
        if answered.status != 200:
            raise _unavailable(f"it answered {answered.status}")
        try:
            answer = json.loads(answered.body)
        except ValueError:
            raise _unavailable("its answer is not JSON") from None
        key = answer.get("key", "") if isinstance(answer, dict) else ""
        if key is None:
            message = "directory: the data proxy gives no access to it"
            raise DirectoryRefused(message, causes=[Cause("parameter", "directory", message)])
        if not isinstance(key, str) or not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise _unavailable("its answer has no key")
        return key

    def _ask(self, directory: str) -> ServerAnswer:
        try:
            return ask(
                f"{self.url}/data/create/",
                seconds=self.timeout,
                longest=_LONGEST_ANSWER,
                body=urlencode({"path": directory}),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            )
        except NoAnswer as failure:
            raise _unavailable(str(failure)) from None


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(f"The data proxy is not available: {reason}. Nothing was stored.", retry_after=_RETRY_AFTER)
