"""Idempotency keys of `@@API` methods: what a call asks for, and what of its answer is stored.

The header and the road of such a request are those of every face, see `objapi.http.keyed_requests`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from objapi.api import responses
from objapi.api.method import Json, Method, PartlyDone, Reply
from objapi.api.parameters import IGNORED
from objapi.http.exchange import current_exchange
from objapi.http.keyed_requests import KeyedAnswer, digest_of
from objapi.store.idempotency import FirstAnswer


def fingerprint(verb: str, segments: tuple[str, ...], if_match: str | None, parameters: Mapping[str, Any]) -> str:
    """SHA-256 in hexadecimal of what a request asks for.

    `segments` are the method and what follows it in the URL. Parameters count as they were read, in whatever order and
    part of the request they came, files by name, type and content; without those that mean nothing, credentials and
    `_authenticator` among them.
    """
    meant = {name: value for name, value in parameters.items() if name not in IGNORED}
    return digest_of([verb, segments, if_match, meant])


def keyed_answer(method: Method, reply: Reply) -> KeyedAnswer:
    """The answer for a reply, and what of it is stored; nothing when all of a partial request failed."""
    if not isinstance(reply, (Mapping, PartlyDone)):
        raise TypeError(f"{method.name}: the answer of a method that changes something is JSON, to be stored")
    frame = responses.frame_of(current_exchange())
    answer = responses.rendered(frame, reply)
    stored = None
    if not (isinstance(reply, PartlyDone) and reply.failed == reply.total):
        public = without_secrets(reply, method.secrets)
        kept = answer if public is reply else responses.rendered(frame, public)
        stored = FirstAnswer(kept.headers, kept.body)
    return KeyedAnswer(answer.body, answer.headers, stored, answer.status)


def without_secrets(reply: Json | PartlyDone, secrets: tuple[str, ...]) -> Json | PartlyDone:
    """The reply as it is stored: without what only the first answer may tell, and with a warning that says so."""
    answer = reply.answer if isinstance(reply, PartlyDone) else reply
    once = [name for name in secrets if name in answer]
    if not once:
        return reply
    warning = f"{', '.join(once)}: given in the first answer alone and not stored; ask for a new one with another key."
    earlier = answer.get("warnings", ())
    warnings = [*(earlier if isinstance(earlier, (list, tuple)) else ()), warning]
    public = {**{name: value for name, value in answer.items() if name not in once}, "warnings": warnings}
    return replace(reply, answer=public) if isinstance(reply, PartlyDone) else public
