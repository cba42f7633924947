"""A method of the API: its row in the table, one call of it, and the kinds of reply it may give."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from objapi.api.parameters import Control, Controls
from objapi.errors import ApiError, BadRequest, Cause, joined_messages, sentence_end
from objapi.http.access import PUBLIC, Access
from objapi.http.endpoint import ApiTarget
from objapi.http.exchange import Exchange
from objapi.http.ranges import NO_CONDITIONS, FileConditions
from objapi.http.visitors import Visitor
from objapi.security.needs import Need
from objapi.settings import Settings
from objapi.store.blobs import StoredFile
from objapi.store.requests import Streamed, VersionMatch
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

Json: TypeAlias = Mapping[str, object]

_VERSION_TAG: Final = re.compile(r'[0-9]{1,9}|"[0-9]{1,9}"')

GET_AND_POST: Final = ("GET", "POST")
"""The verbs of a method that changes something: published clients write by GET, HEAD never does."""


@dataclass(frozen=True, slots=True)
class MethodCall:
    """One call of a method: the URL called, its parameters, and the caller."""

    settings: Settings
    exchange: Exchange
    target: ApiTarget
    controls: Controls
    visitor: Visitor | None = None
    """The caller; None in a method that is open to all."""
    if_match: str | None = None
    file_conditions: FileConditions = NO_CONDITIONS
    """Conditions under which a file is sent, whole or in part; none for other verbs than GET."""
    may_act: bool = False
    """True when the verb is one that may change something; a dry run is asked for by such a one, too."""
    methods: Mapping[str, "Method"] = field(default_factory=dict)
    """All methods there are, by each of their names."""

    def version_match(self) -> VersionMatch | None:
        """The versions that the header If-Match names (RFC 9110 13.1.1); None without the header.

        A tag that is not the number of a version, a weak one among them, matches none.
        """
        if self.if_match is None:
            return None
        tags = [tag.strip() for tag in self.if_match.split(",")]
        if "*" in tags:
            return VersionMatch()
        return VersionMatch(frozenset(int(tag.strip('"')) for tag in tags if _VERSION_TAG.fullmatch(tag)))

    @property
    def method_names(self) -> tuple[str, ...]:
        """The names of all methods, without their aliases."""
        return tuple(dict.fromkeys(method.name for method in self.methods.values()))

    @property
    def tail(self) -> tuple[str, ...]:
        """The segments of the URL behind the method's name."""
        return self.target.rest

    def authenticator(self) -> str | None:
        """Issue a token by which a later call proves that it comes from the caller of this one."""
        return None if self.visitor is None else self.visitor.token()

    def method_url(self, *segments: str) -> str:
        """The URL of a method of the site's endpoint."""
        return self.exchange.url_of("/".join(("", self.settings.site_id, "@@API", *segments)))

    def unused(self) -> tuple[str, ...]:
        """One warning for each part of the request that was not read, or that the method does not know."""
        unknown = (f"The parameter {name} is unknown here and was ignored." for name in self.controls.rest)
        return (*self.controls.notes, *unknown)

    def refuse_unused(self) -> None:
        """Raise BadRequest that names every unknown parameter; a method that changes something ignores none.

        The names that the method takes are told once, with the last of them.
        """
        unknown, own = list(self.controls.rest), self.controls.values
        texts = [f"{name} is not a parameter of this method{sentence_end(suggestion(name, own))}" for name in unknown]
        if texts:
            texts[-1] += f" It takes {', '.join(own) or 'none'}."
        causes = [Cause("parameter", name, text, code="unused") for name, text in zip(unknown, texts, strict=True)]
        if causes:
            messages = joined_messages(cause.message for cause in causes)
            raise BadRequest(f"{messages} Nothing was done.", causes=causes)

    def require_text(self, name: str) -> str:
        """A required parameter of kind `text`; raises BadRequest that names it."""
        value = self.controls.text(name)
        if value is None:
            raise missing(name)
        return value

    def with_warnings(self, answer: Json, *more: str) -> Json:
        """The answer of a reading method, with one of `warnings` for each parameter that was ignored, and `more`."""
        warnings = (*self.unused(), *more)
        return {**answer, "warnings": list(warnings)} if warnings else answer


def missing(name: str) -> BadRequest:
    """The refusal of a call without a required parameter; published clients know the sentence."""
    return BadRequest.of_parameter(name, f"Required field not found in request: {name}")


@dataclass(frozen=True, slots=True)
class PartlyDone:
    """The answer to `partial=1` when some objects failed: the others were changed, but it does not count as success."""

    answer: Json
    failed: int
    total: int

    @property
    def message(self) -> str:
        """The sentence that says so; published clients take its presence for failure."""
        return f"{self.failed} of {self.total} could not be done and were left as they were; the others were done."


@dataclass(frozen=True, slots=True)
class Text:
    """A whole document of another type, such as a drawing. `content_type` is without charset."""

    body: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Download:
    """The content of a file field; the consumer of its chunks closes them."""

    blob: StoredFile
    is_current: bool = False
    """True when the client has it already."""


@dataclass(frozen=True, slots=True)
class Listing:
    """An answer whose `objects` come in chunks, each a few JSON objects joined by commas; `head` is all the rest."""

    head: Json
    streamed: Streamed

    @property
    def chunks(self) -> Iterator[bytes]:
        """The objects still to come; the consumer closes it."""
        return self.streamed.chunks


@dataclass(frozen=True, slots=True)
class Export:
    """Objects as a file in chunks, to be saved under a name; the consumer calls `close` in any case."""

    content_type: str
    filename: str
    chunks: Iterator[bytes]
    close: Callable[[], None]
    total: int
    """The number of objects that were found, of which the file may have a part."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document that is answered as it stands, without the envelope. `tag` is its entity tag."""

    body: bytes
    tag: str


@dataclass(frozen=True, slots=True)
class Events:
    """A reply as server-sent events: each with its id and data, and the id to go on from."""

    events: Sequence[tuple[str, Json]]
    last_id: str
    more: bool


Reply: TypeAlias = Json | PartlyDone | Text | Download | Listing | Export | Document

OtherParameters: TypeAlias = Literal["none", "criteria", "fields"]
"""What the parameters mean that are none of a method's own."""


def _never(controls: Controls) -> bool:
    return False


def _not_at_all(controls: Controls) -> int:
    return 0


def _none(reply: Reply) -> Mapping[str, str] | None:
    return None


def _nothing(error: ApiError, url: str) -> Json:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the API. There is no default for `access`: every row declares who may call it.

    `run` works inside a transaction of the caller; a PUBLIC method has `run_open` instead and touches no data.
    `streamed` answers in its place, with the transaction open until the answer has been sent, when `streams` says so.
    """

    name: str
    aliases: tuple[str, ...] = ()
    """Other names that lead to this method."""
    access: Access
    needs: tuple[Need, ...] = ()
    """The rights that its calls need, beside the permission for all calls; what is open to all declares none."""
    controls: tuple[Control, ...] = ()
    """The method's own parameters."""
    others: OtherParameters = "none"
    """What all other parameters are: none is known, criteria of a search, or fields of an object."""
    answer: Mapping[str, Json] = field(default_factory=dict, hash=False)
    """Keys of a successful answer with the JSON Schema of each, `name?` where it may be missing."""
    media_types: tuple[str, ...] = ()
    """Types of what is answered in place of the envelope: diagrams, files; without charset."""
    tail_name: str = ""
    """The name of what the segment behind the method's name stands for, where there may be one."""
    writing_verbs: tuple[str, ...] = ()
    """The HTTP verbs by which a call may change something; such a call is refused to pages of other sites."""
    acts_by: str | None = None
    """The parameter without which a call by such a verb only reads; None: it changes something in any case."""
    secrets: tuple[str, ...] = ()
    """Keys of an answer that tell a secret once: they are not stored to be given again."""
    honours_if_match: bool = False
    """Permission to name the version of the object in the header If-Match; other methods that act refuse the header."""
    tail: int = 0
    """The number of segments that may follow the method's name in the URL."""
    run: Callable[[MethodCall, Transaction], Reply] | None = None
    run_open: Callable[[MethodCall], Json] | None = None
    streams: Callable[[Controls], bool] = _never
    streamed: Callable[[MethodCall, Transaction], Listing | Export | Download] | None = None
    tagged: bool = False
    """True for answers that carry an entity tag, by which a client that has the same answer gets none (304)."""
    reads_trail: bool = False
    """True for a method that reads the trail: requests that are committed are numbered before its transaction."""
    waits: Callable[[Controls], int] = _not_at_all
    """Seconds for which a call waits for an answer with something new in it."""
    following: Callable[["Reply"], Mapping[str, str] | None] = _none
    """The parameters with which such a call is carried out again; None for an answer with something new."""
    events: Callable[["Reply"], Events] | None = None
    """A reply as events, for a caller who asks for a stream of them; each next call is for what comes `since`."""
    downloads: bool = False
    """True for an answer that is a file: a failure then has its real status for every client."""
    exports: Callable[[Controls], bool] = _never
    """True for a call whose answer is a file, of a method that has others, too."""
    more_on_failure: Callable[[ApiError, str], Json] = _nothing
    """Keys that a failed answer carries beside the usual ones, given the error and the URL called."""
    secret_parameters: frozenset[str] = field(init=False, compare=False)
    """Its parameters that are credentials."""
    whole_batches: frozenset[str] = field(init=False, compare=False)
    """Its parameters that hold a whole batch in one value, for which the limits of single values are too small."""

    def __post_init__(self) -> None:
        secret = frozenset(control.name for control in self.controls if control.secret)
        object.__setattr__(self, "secret_parameters", secret)
        whole = frozenset(control.name for control in self.controls if control.kind == "structure")
        object.__setattr__(self, "whole_batches", whole)
        if not isinstance(self.access, Access):
            raise TypeError(f"{self.name}: a method declares its access by one of {', '.join(map(str, Access))}")
        if (self.access is PUBLIC) != (not self.needs):
            raise TypeError(f"{self.name}: a method declares what its calls need, Need.NOTHING if that is so")
        if (self.access is PUBLIC) != (self.run_open is not None) or (self.run is None) == (self.run_open is None):
            raise TypeError(f"{self.name}: a PUBLIC method has run_open and no run; any other has run and no run_open")

    @property
    def about(self) -> str:
        """What it does, in the words of the function that carries it out."""
        return inspect.getdoc(self.run or self.run_open) or ""

    @property
    def verbs(self) -> tuple[str, ...]:
        """The HTTP verbs it answers; HEAD must not write (RFC 9110 9.2.1)."""
        return GET_AND_POST if "GET" in self.writing_verbs else ("GET", "HEAD", "POST")

    def acts(self, verb: str, controls: Controls) -> bool:
        """True for a call that changes something or, in a dry run, tries a change; a question does not."""
        return verb in self.writing_verbs and (self.acts_by is None or self.acts_by in controls.sent)

    def changes(self, verb: str, controls: Controls) -> bool:
        """True for a call that may change something; a dry run and a question may not."""
        return self.acts(verb, controls) and not controls.values.get("dry_run")

    def runner(self, controls: Controls | ApiError) -> tuple[Callable[[MethodCall, Transaction], Reply], bool]:
        """The function that carries out a call with these parameters, and whether its answer is streamed."""
        if self.run is None:
            raise TypeError(f"{self.name}: a PUBLIC method is not run in a transaction")
        if self.streamed is not None and isinstance(controls, Controls) and self.streams(controls):
            return self.streamed, True
        return self.run, False
