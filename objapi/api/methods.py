"""The table of methods: what each is called, what it asks of its caller, and what carries it out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from objapi.api import read as reading
from objapi.api import update_many as updating
from objapi.api.allowed_transitions import allowed_transitions
from objapi.api.call import Call, Json
from objapi.api.catalogs import answer_catalogs
from objapi.api.create import create
from objapi.api.do_action import do_action_for, do_action_for_many
from objapi.api.file import file
from objapi.api.getusers import getusers
from objapi.api.history import history
from objapi.api.parameters import Controls
from objapi.api.remove import remove
from objapi.api.replies import Download, Listing, Reply
from objapi.api.types import answer_types
from objapi.api.update import update
from objapi.api.version import version
from objapi.api.workflows import answer_workflows
from objapi.api.wsgi_path import Target
from objapi.errors import ApiError, UnknownMethod
from objapi.http.access import API, PUBLIC, Access
from objapi.store.transaction import Transaction


def _never(controls: Controls) -> bool:
    return False


def _always(controls: Controls) -> bool:
    return True


def _nothing(error: ApiError, url: str) -> Json:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the API. There is no default for `access`: whoever adds a method says who may call it.

    `run` works inside a transaction of the caller; a PUBLIC method has `run_open` instead and touches no data.
    `streamed` answers in its place, with the transaction open until the answer has been sent, when `streams` says so.
    `more_on_failure` are keys that a failed answer carries beside the usual ones, given the error and the URL called.
    """

    access: Access
    run: Callable[[Call, Transaction], Reply] | None = None
    run_open: Callable[[Call], Json] | None = None
    writes: bool = False
    tail: int = 0
    """How many segments may follow the method's name in the URL."""
    streams: Callable[[Controls], bool] = _never
    streamed: Callable[[Call, Transaction], Listing | Download] | None = None
    more_on_failure: Callable[[ApiError, str], Json] = _nothing

    def __post_init__(self) -> None:
        if not isinstance(self.access, Access):
            raise TypeError(f"a method declares its access by one of {', '.join(map(str, Access))}")
        if (self.access is PUBLIC) != (self.run_open is not None) or (self.run is None) == (self.run_open is None):
            raise TypeError("a PUBLIC method has run_open, and only such a method has it; any other has run")

    def chosen(self, controls: Controls | ApiError) -> tuple[Callable[[Call, Transaction], Reply], bool]:
        """What carries out a call with these parameters, and whether its answer is streamed."""
        if self.run is None:
            raise TypeError("a PUBLIC method is not run in a transaction")
        if self.streamed is not None and isinstance(controls, Controls) and self.streams(controls):
            return self.streamed, True
        return self.run, False

    @property
    def verbs(self) -> tuple[str, ...]:
        """The HTTP verbs it answers; HEAD must not write, though historic clients write by GET."""
        return ("GET", "POST") if self.writes else ("GET", "HEAD", "POST")


METHODS: Final[Mapping[str, Method]] = {
    "read": Method(
        access=API,
        run=reading.read,
        streams=reading.streams,
        streamed=reading.read_all,
        more_on_failure=lambda error, url: reading.refused(error),
    ),
    "create": Method(access=API, run=create, writes=True),
    "update": Method(access=API, run=update, writes=True),
    "update_many": Method(
        access=API, run=updating.update_many, writes=True, more_on_failure=updating.described_failures
    ),
    "remove": Method(access=API, run=remove, writes=True),
    "doActionFor": Method(access=API, run=do_action_for, writes=True),
    "doActionFor_many": Method(access=API, run=do_action_for_many, writes=True),
    "allowedTransitionsFor": Method(access=API, run=allowed_transitions),
    "allowedTransitionsFor_many": Method(access=API, run=allowed_transitions),
    "getusers": Method(access=API, run=getusers),
    "types": Method(access=API, run=answer_types, tail=1),
    "catalogs": Method(access=API, run=answer_catalogs),
    "workflows": Method(access=API, run=answer_workflows, tail=1),
    "history": Method(access=API, run=history),
    "file": Method(access=API, run=file, tail=1, streams=_always, streamed=file),
    "version": Method(access=PUBLIC, run_open=version),
}


def method_called(target: Target) -> tuple[str, Method]:
    """The method of a URL, with its name. Raises UnknownMethod, which lists those there are."""
    name = target.method or ""
    method = METHODS.get(name)
    if method is None or len(target.rest) > method.tail:
        asked = "/".join((name, *target.rest))
        raise UnknownMethod(
            f"There is no method {asked[:100]!r}; there are {', '.join(METHODS)}."
            if asked
            else f"The URL names no method; there are {', '.join(METHODS)}."
        )
    return name, method
