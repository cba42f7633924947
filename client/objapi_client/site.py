"""A site of the gateway, as scripts use it."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast, overload

import httpx

from objapi_client.batches import BATCH_SIZE, Changes, Written, entries_of, in_batches, names_of
from objapi_client.errors import ClientError, NotFound, Reason, TransitionNotAllowed
from objapi_client.names import is_uid, named, type_name
from objapi_client.query import PAGE_SIZE, Query
from objapi_client.wire import Connection, Retries

T = TypeVar("T")
Object = dict[str, Any]
"""An object of a type that the script has no class for."""

TIMEOUT: Final = 60.0
_EVERYWHERE: Final = {"catalog_name": "uid_catalog", "authenticator": False}
"""Parameters of a read that finds objects of all types."""
_WAIT: Final = 30
"""Seconds that the gateway waits at most for a change."""


class Site:
    """A site at its URL, such as `https://lab.example/Plone`.

    The caller is known by an API token, or by user and password with each call, or by `log_in`.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        user: str | None = None,
        password: str | None = None,
        timeout: float = TIMEOUT,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if token is not None and user is not None:
            raise ValueError("a site is called with a token, or with user and password, not with both")
        if (user is None) != (password is None):
            raise ValueError("user and password go together")
        headers = {"User-Agent": "objapi-client"} | ({"Authorization": f"Bearer {token}"} if token else {})
        auth = httpx.BasicAuth(user, password) if user is not None and password is not None else None
        http = httpx.Client(headers=headers, auth=auth, timeout=timeout, transport=transport)
        self._connection = Connection(http, url.rstrip("/"), retries or Retries(), sleep)
        self._catalogs: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        """The site; its connections are closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.http.close()

    def log_in(self, user: str, password: str, code: str | None = None) -> None:
        """Log in by the form and keep the cookie; `code` is that of a second factor. Raises LogInFailed."""
        self._connection.log_in(user, password, code)

    def call(self, method: str, /, **parameters: Any) -> Object:
        """The answer of any method of the API. Raises ApiError where it fails.

        Dates, decimals and paths of files are sent as the API takes them. What only a part of was done (`partial`)
        is answered, too, with `success` false.
        """
        return self._connection.call(method, parameters)

    def description(self) -> Object:
        """The OpenAPI description of the site's methods and types."""
        return self._connection.document("openapi.json")

    # Reading

    @overload
    def query(
        self,
        kind: type[T],
        *,
        include_fields: Iterable[str] | None = None,
        sort_on: str | None = None,
        catalog: str | None = None,
        page_size: int = PAGE_SIZE,
        **criteria: Any,
    ) -> Query[T]: ...

    @overload
    def query(
        self,
        kind: str | None = None,
        *,
        include_fields: Iterable[str] | None = None,
        sort_on: str | None = None,
        catalog: str | None = None,
        page_size: int = PAGE_SIZE,
        **criteria: Any,
    ) -> Query[Object]: ...

    def query(
        self,
        kind: str | type | None = None,
        *,
        include_fields: Iterable[str] | None = None,
        sort_on: str | None = None,
        catalog: str | None = None,
        page_size: int = PAGE_SIZE,
        **criteria: Any,
    ) -> Query[Any]:
        """Objects of a type, found by indexes of its catalog: `review_state="open"`, `created={"since": "2d"}`.

        A criterion that the catalog does not know is an error. Other parameters of `read` may be named, too.
        """
        asked: dict[str, Any] = {"authenticator": False, **criteria}
        if kind is not None:
            asked["portal_type"] = type_name(kind)
        named_catalog = catalog or (self._catalog_of(asked["portal_type"]) if kind is not None else None)
        more = {
            "catalog_name": named_catalog,
            "sort_on": sort_on,
            "include_fields": None if include_fields is None else list(include_fields),
        }
        asked |= {name: value for name, value in more.items() if value is not None}
        return Query(self._connection, asked, page_size)

    def _catalog_of(self, portal_type: str) -> str | None:
        """The catalog in which a type is found, where that is not the one that the gateway would search."""
        if portal_type not in self._catalogs:
            declared = self.call(f"types/{portal_type}")["type"]
            own, read = declared["catalogs"], declared["read_catalog"]
            self._catalogs[portal_type] = None if read in own or not own else own[0]
        return self._catalogs[portal_type]

    @overload
    def get(self, target: str, kind: type[T]) -> T: ...

    @overload
    def get(self, target: str) -> Object: ...

    def get(self, target: str, kind: type | None = None) -> Any:
        """The object at a path, or with a UID, as one of the class `kind`. Raises NotFound."""
        wanted = {"UID": target} if is_uid(target) else {"path": {"query": target, "depth": 0}}
        named_type = {} if kind is None else {"portal_type": type_name(kind)}
        found = Query[Object](self._connection, {**_EVERYWHERE, **wanted, **named_type}).first()
        if found is None:
            message = f"There is no object {target}, or you may not see it."
            raise NotFound({"message": message, "type": "NotFound", "status": 404})
        return found

    def changes(self, since: str = "now", *, wait: bool = False, **filters: Any) -> Iterator[Object]:
        """What has changed since a cursor, in order; with `wait` it goes on for ever, as changes come.

        Each change has its `cursor`: whoever keeps the last one goes on from there.
        """
        seconds = {"wait": _WAIT} if wait else {}
        while True:
            answer = self.call("changes", since=since, **seconds, **filters)
            yield from answer["changes"]
            since = answer["cursor"]
            if not wait and not answer["more"]:
                return

    def download(self, path: str, field: str, into: Path) -> None:
        """Write the content of a file field of the object at a path into a file."""
        self._connection.download(path, field, into)

    def export(self, query: Query[Any], into: Path) -> None:
        """Write all that a query finds into a file: CSV, XLSX or NDJSON, by the ending of its name."""
        self._connection.export({**query.parameters, "format": into.suffix.removeprefix(".")}, into)

    # Writing

    def apply_sheet(
        self,
        file: Path,
        *,
        kind: str | type | None = None,
        container: str | None = None,
        partial: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Write what was edited in an exported file; rows without a UID become objects of `kind` in `container`.

        The answer, with `dry_run` too, has in `rows` what is changed from what to what. Raises ApiError with a cause
        for each cell that is wrong, and Conflict for cells that were changed meanwhile; with `partial` the other rows
        are done, and the answer has in `refused` those that are not.
        """
        more = {"obj_type": None if kind is None else type_name(kind), "obj_path": container}
        given = {name: value for name, value in more.items() if value is not None}
        return self.call("apply_sheet", file=file, partial=partial, dry_run=dry_run, **given)

    def create(self, kind: str | type, container: str, values: Mapping[str, Any]) -> Object:
        """Create an object in the container at a path; the answer has its `path` and `obj_uid`."""
        return self.call("create", **{**values, **named(container), "obj_type": type_name(kind)})

    def update(self, target: str, values: Mapping[str, Any], *, version: int | None = None) -> Object:
        """Change fields of the object at a path or with a UID; with `version` only if that is the present one."""
        expected = {} if version is None else {"version": version}
        return self.call("update", **{**values, **named(target), **expected})

    def update_many(
        self,
        changes: Changes,
        *,
        batch_size: int = BATCH_SIZE,
        partial: bool = False,
        advance: Callable[[int], None] | None = None,
    ) -> Written:
        """Change fields of many objects, in batches of which each is done wholly or not at all, unless `partial`.

        Raises BatchStopped, which says what was done before it.
        """
        return in_batches(
            entries_of(changes),
            batch_size,
            lambda batch: self.call("update_many", input_values=batch, partial=partial),
            "updates",
            advance,
        )

    def create_many(
        self,
        entries: Iterable[Mapping[str, Any]],
        *,
        natural_key: str | Mapping[str, str] | None = None,
        batch_size: int = BATCH_SIZE,
        partial: bool = False,
        advance: Callable[[int], None] | None = None,
    ) -> Written:
        """Create many objects in batches; an entry is as the method `create_many` takes it.

        Entries of one batch may refer to each other. With `natural_key` objects that are there are changed. Raises
        BatchStopped.
        """
        key = {} if natural_key is None else {"natural_key": natural_key}
        return in_batches(
            entries,
            batch_size,
            lambda batch: self.call("create_many", input_values=batch, partial=partial, **key),
            "objects",
            advance,
        )

    def transition(
        self,
        action: str,
        targets: str | Iterable[str],
        *,
        comment: str | None = None,
        fields: Mapping[str, Any] | None = None,
        password: str | None = None,
        second_factor: str | None = None,
    ) -> list[Object]:
        """Take a transition with all of some objects, or with none; the answer has their states.

        `password`, and `second_factor` where the log-in takes a code, sign what takes a signature.

        Raises SignatureRequired where they are missing, SignatureRefused, and TransitionNotAllowed, whose `reasons` say
        for each object what holds it back and what would do.
        """
        names = names_of(targets)
        more = {"comment": comment, "fields": fields, "password": password, "second_factor": second_factor}
        asked = {name: value for name, value in more.items() if value is not None}
        try:
            return cast("list[Object]", self.call("doActionFor_many", action=action, **names, **asked)["objects"])
        except TransitionNotAllowed as refused:
            refused.reasons = self._with_needs(action, refused.reasons)
            raise

    def _with_needs(self, action: str, reasons: Iterable[Reason]) -> list[Reason]:
        """The reasons with what would satisfy the guards; as they are where the gateway does not tell."""
        told = list(reasons)
        paths = [reason.object for reason in told if reason.object]
        if not paths:
            return told
        at_paths = {**_EVERYWHERE, "path": {"query": paths, "depth": 0}, "include_fields": ["UID"]}
        try:
            uids = {found["path"]: found["UID"] for found in Query[Object](self._connection, at_paths)}
            answer = self.call("allowedTransitionsFor_many", uid=list(uids.values()), explain=True) if uids else {}
        except ClientError:
            # What was refused stays refused, and says why, where no more is to be learnt.
            return told
        needs = {
            entry["uid"]: blocked["needs"]
            for entry in answer.get("transitions", ())
            for blocked in entry["blocked"]
            if blocked["id"] == action
        }
        return [Reason(item.object, item.message, needs.get(uids.get(item.object, ""), "")) for item in told]

    def allowed(self, target: str) -> list[str]:
        """The transitions that the caller may take with an object now."""
        uid = target if is_uid(target) else self.get(target)["UID"]
        (entry,) = self.call("allowedTransitionsFor", uid=[uid])["transitions"]
        return [transition["id"] for transition in entry["transitions"]]
