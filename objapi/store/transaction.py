"""The Transaction: the few operations in which everything ends that a client can do, through whichever face.

find, get, create, update, remove, transition. Each checks the user's rights, plans in memory, and only then writes, in
bulk.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, islice
from typing import Unpack, cast

from sqlalchemy import Connection

from objapi.errors import (
    BadRequest,
    Cause,
    Forbidden,
    NoApiAccess,
    NotFound,
    sentence_end,
)
from objapi.model.item_links import NO_LINKS, ItemLinks, LinkedItem, link_items, names_in_fields
from objapi.model.principal import Principal
from objapi.model.registry import CatalogDeclaration
from objapi.store.access_calls import AccessCalls
from objapi.store.blobs import StoredFile, read_blob
from objapi.store.context import RequestContext, SiteContext
from objapi.store.grant_calls import GrantCalls
from objapi.store.idempotency import AnswerToStore, EarlierRequest, FirstAnswer, find_answer, store_answer
from objapi.store.outcome import Trace
from objapi.store.past_calls import PastCalls
from objapi.store.permissions.rights import Rights
from objapi.store.reading.documents import Documents
from objapi.store.reading.finding import ClosingStream, Finder
from objapi.store.reading.object_records import ObjectRecords
from objapi.store.records import RequestNumbers, StaleWrite, to_micros
from objapi.store.requests import (
    COMMAND_LINE,
    ByItem,
    ByUid,
    CreateItem,
    Find,
    Found,
    Outcome,
    RequestSource,
    Selector,
    SignerProof,
    Streamed,
    UpdateItem,
)
from objapi.store.row_calls import RowCalls
from objapi.store.row_requests import WriteAuthority
from objapi.store.schema import idempotency_keys
from objapi.store.tree_calls import TreeCalls
from objapi.store.writing.batch_attempt import BatchAttempt, raised
from objapi.store.writing.batch_plan import (
    BatchPlan,
    CheckPlan,
    MakeOptions,
    PlanItems,
    WriteOptions,
    at_places,
)
from objapi.store.writing.draft import Draft
from objapi.store.writing.editing import Editor
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.resolve import Resolver
from objapi.store.writing.transitions import TransitionRequest, plan_steps, plan_updates_and_steps
from objapi.store.writing.upserting import Upserting
from workflows.declarations import suggestion


@dataclass(frozen=True, slots=True)
class EntityRecord:
    """An object by its names, with its version."""

    uid: str
    path: str
    id: str
    portal_type: str
    version: int


class Transaction(AccessCalls, TreeCalls, PastCalls, GrantCalls, RowCalls):
    """One request of one user on one connection; whoever opened it commits or rolls back."""

    def __init__(
        self,
        site: SiteContext,
        connection: Connection,
        user: Principal,
        now: datetime,
        *,
        writes: bool,
        source: RequestSource = COMMAND_LINE,
        authority: WriteAuthority | None = None,
        numbers: RequestNumbers | None = None,
    ) -> None:
        if writes and user.token is not None:
            user.token.require_writing()
        context = RequestContext(site, connection, user, now, writes=writes, source=source, numbers=numbers)
        self.connection = connection
        self.connections = context.connections
        self.user = user
        self.now = now
        self.registry = site.registry
        self.site_id = site.site_id
        self.writes = writes
        self.open_stream: ClosingStream | None = None
        """Stream that is still to be read from the connection after the work is done."""
        self._context = context
        self._site = site
        self._authority = authority
        self._answer_to_store: AnswerToStore | None = None
        self._rights = context.rights

    @cached_property
    def _finder(self) -> Finder:
        """The reader of catalogs and documents: built when a request first reads."""
        return Finder(self._context, self._documents)

    @cached_property
    def _documents(self) -> Documents:
        """The reader of documents."""
        return Documents(self._context, self._planner)

    # Asking

    def require(self, permission: str) -> None:
        """Raise NoApiAccess unless the user holds a permission of the whole site, which no object sets otherwise."""
        if not self.holds_anywhere(self.user, permission):
            raise NoApiAccess(f"This needs the permission {permission}, which you do not have.")

    def require_on_site(self, permission: str) -> None:
        """Raise Forbidden unless the user holds a permission on the site's root; local roles below it do not count."""
        if self.user.unrestricted:
            return
        root = self._root(self._planner())
        if not self._rights.may(permission, root.acl, root.scope):
            raise Forbidden(f"This needs the permission {permission!r} on the site, which you do not have.")

    def holds_anywhere(self, user: Principal, permission: str) -> bool:
        """True when some user holds a permission on some object; what `require` asks of the caller."""
        rights = self._rights if user is self.user else Rights(user, self._context.acls, self._rights.scoped_roles)
        return user.unrestricted or any(rights.acls_with(permission))

    def sign_with(self, proof: SignerProof) -> None:
        """Sign what this request does, where it takes a signature, with a proof of who the user is."""
        self._context.proof = proof

    @property
    def takes_signatures(self) -> bool:
        """True where some transition of the site's objects is signed."""
        return bool(self._site.signed_types)

    def find(self, find: Find) -> Found:
        """One page of what criteria find."""
        return self._finder.find(find)

    @cached_property
    def records(self) -> ObjectRecords:
        """Objects with their values, along paths too, for a face that makes its own answers of them."""
        return ObjectRecords(self._context, self._finder, self._documents)

    def stream(self, find: Find) -> Streamed:
        """All that criteria find, in chunks, for as long as the transaction is open."""
        streamed = self._finder.stream(find)
        self.open_stream = ClosingStream(streamed.chunks)
        return replace(streamed, chunks=self.open_stream)

    def entity(self, selector: Selector) -> EntityRecord:
        """One object that the user may see. Raises NotFound."""
        draft = self._one(self._planner(), selector)
        return EntityRecord(draft.uid, draft.path, draft.id, draft.portal_type, draft.stored_version)

    def file(
        self, selector: Selector, name: str, part: Callable[[int, str], tuple[int, int] | None] | None = None
    ) -> StoredFile:
        """The content of a file field, or the part of it that `part` gives for its size and tag.

        Raises NotFound for what is not there or not to be read, and what `part` raises.
        """
        draft = self._one(self._planner(), selector)
        hidden = self._site.access.hidden(draft.portal_type, draft.acl, draft.scope, self._rights)
        value = draft.data.get(name) if name not in hidden else None
        if not isinstance(value, dict) or "sha256" not in value:
            raise NotFound(
                f"{draft.path} has no file {name!r}.", causes=[Cause("parameter", "field", f"no file {name!r}")]
            )
        size, digest = int(value["size"]), str(value["sha256"])
        wanted = None if part is None else part(size, digest)
        pieces = read_blob(self.connection, digest, wanted)
        # The first piece is read here, where a connection that died is noticed in time for another try.
        first = list(islice(pieces, 1))
        self.open_stream = ClosingStream(chain(first, pieces))
        return StoredFile(
            str(value["filename"]), str(value["content_type"]), size, self.open_stream, tag=digest, part=wanted
        )

    # Writing

    def create(
        self,
        items: Sequence[CreateItem],
        *,
        as_batch: bool = False,
        **options: Unpack[MakeOptions],
    ) -> Outcome:
        """Create objects, all or none; with `partial` those that can be, without what refers to one that cannot.

        An item with a natural key changes the object that has it, where there is one. Raises BadRequest for names of
        items that two have, that none has, or that lead in a circle, and for a natural key that two items have.
        """
        links = NO_LINKS if len(items) == 1 and not as_batch else self._links(items)
        return self._write(
            [ByItem(item.name or "", place) for place, item in enumerate(items)],
            lambda editor, places: editor.create(at_places(items, places), links, self._upserting(editor, items)),
            cast(WriteOptions, options),
            as_batch=as_batch,
        )

    def _upserting(self, editor: Editor, items: Sequence[CreateItem]) -> Upserting | None:
        """Planner of the items with natural keys, if there are any; it finds what the user may not see, too."""
        keys = editor.planner.keys if any(item.key is not None for item in items) else None
        return None if keys is None else Upserting(editor, keys)

    def _links(self, items: Sequence[CreateItem]) -> ItemLinks:
        linked = []
        for item in items:
            entity_type = self.registry.types.get(item.portal_type)
            names = [] if entity_type is None else list(names_in_fields(entity_type, item.values))
            if isinstance(item.container, ByItem):
                names.append(item.container.name)
            linked.append(LinkedItem(item.name, tuple(names)))
        return link_items(linked)

    def update(
        self,
        items: Sequence[UpdateItem],
        *,
        as_batch: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Change fields of objects, all or none; with `partial` those whose values are right.

        What is wrong is raised as `BatchFailed` when there are several items, and with `as_batch` for one as well.
        """
        return self._write(
            [item.target for item in items],
            lambda editor, places: editor.update(at_places(items, places)),
            options,
            as_batch=as_batch,
        )

    def update_found(
        self,
        find: Find,
        values: Mapping[str, object],
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Change the same fields of every object that criteria find, all or none; with `partial` of those that can."""
        planner = self._planner()
        selectors = self._found(planner, find)
        items = [UpdateItem(selector, values) for selector in selectors]
        return self._write(
            selectors,
            lambda editor, places: editor.update(at_places(items, places)),
            options,
            planner,
            as_batch=True,
        )

    def transition(
        self,
        selectors: Sequence[Selector],
        action: str,
        *,
        comment: str = "",
        fields: Mapping[str, object] | None = None,
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Take a transition of objects, all or none; with `partial` of those that can.

        `fields` are written first, to every object.
        """
        self._require_action(action)
        return self._write(selectors, _steps(selectors, TransitionRequest(action, comment, fields or {})), options)

    def update_and_move(self, items: Sequence[UpdateItem], action: str, **options: Unpack[WriteOptions]) -> Outcome:
        """Change fields of objects and take a transition of each of them, all or none.

        What is wrong is raised as `BatchFailed`.
        """
        self._require_action(action)
        return self._write(
            [item.target for item in items],
            lambda editor, places: plan_updates_and_steps(editor, at_places(items, places), action),
            options,
            as_batch=True,
        )

    def transition_found(
        self,
        find: Find,
        action: str,
        *,
        comment: str = "",
        fields: Mapping[str, object] | None = None,
        **options: Unpack[WriteOptions],
    ) -> Outcome:
        """Take a transition of every object that criteria find; of one page of them when the read names a size.

        `fields` are written first, to every object.
        """
        self._require_action(action)
        planner = self._planner()
        selectors = self._found(planner, find)
        return self._write(
            selectors, _steps(selectors, TransitionRequest(action, comment, fields or {})), options, planner
        )

    def found(self, find: Find) -> list[ByUid]:
        """The objects that criteria find; none of these may be ignored, see `Finder.matching`."""
        return self._found(self._planner(), find)

    def _found(self, planner: StorePlanner, find: Find) -> list[ByUid]:
        """The objects that criteria find, loaded by the planner; see `Finder.matching` for what is refused."""
        search = self._finder.matching(find, self._site.most_objects)
        matched = search()
        rids, workspace = matched.rids, planner.workspace
        workspace.load_rids(rids)
        if self.writes and not all(workspace.has_stamp(rid, matched.stamps.get(rid)) for rid in rids):
            # Until they were locked others could change them: those are left that are still found.
            again = frozenset(search().rids)
            rids = [rid for rid in rids if rid in again]
        found = [ByUid(workspace.by_rid[rid].uid) for rid in rids if rid in workspace.by_rid]
        if not found:
            raise StaleWrite
        return found

    def _require_action(self, action: str) -> None:
        """Raise BadRequest, once for all objects, for an action that no workflow has."""
        known = {name for workflow in self.registry.workflows.values() for name in workflow.transitions}
        if action not in known:
            message = f"action: no workflow has an action {action[:60]!r}{sentence_end(suggestion(action[:60], known))}"
            raise BadRequest.of_parameter("action", message)

    def consume(self, name: str, data: Mapping[str, object]) -> bool:
        """Give data to a consumer that a profile declares: true when it took them. What it plans is then done.

        Raises NotFound for a consumer that there is not, and what is wrong with what it plans.
        """
        consumer = self.registry.behaviors.consumers.get(name)
        if consumer is None:
            known = ", ".join(sorted(self.registry.behaviors.consumers)) or "none"
            raise NotFound(f"There is no consumer {name[:80]!r}; there are: {known}.")
        taken: list[bool] = []

        def plan(editor: Editor, places: Collection[int]) -> BatchAttempt:
            attempt = BatchAttempt(editor.planner)
            attempt.guarded(0, lambda: taken.append(bool(consumer(editor.planner, data))))
            return attempt

        self._write([ByItem(name, 0)], plan, {"with_plan": False})
        return bool(taken) and taken[-1]

    def _write(
        self,
        selectors: Sequence[Selector | ByItem],
        plan: PlanItems,
        options: WriteOptions,
        planner: StorePlanner | None = None,
        *,
        as_batch: bool = False,
        check: CheckPlan | None = None,
        follow: bool = True,
    ) -> Outcome:
        """Plan and do what is asked; `planner` has loaded it already. See `BatchPlan`.

        `follow`: take the transitions that are always automatic and become possible.
        """
        if self.user.token is not None:
            self.user.token.require_writing()
        unknown = options.keys() - WriteOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"{', '.join(sorted(unknown))}: no such option of a request")
        self._context.tries = options.get("dry_run", False)
        dependents = self._site.guard_dependents if follow else None
        batch = BatchPlan(selectors, plan, self._planner, self._resolver, dependents)
        return batch.carried_out(planner or self._planner(), options, as_batch=as_batch, check=check)

    # Requests that are sent again

    def earlier_answer(self, key: str) -> tuple[EarlierRequest, FirstAnswer | None] | None:
        """The user's request that has an idempotency key, with its answer, see `idempotency.find_answer`."""
        return find_answer(self.connection, self.user.user_id, key)

    def store_answer_at_end(self, answer: AnswerToStore) -> None:
        """Have the answer of this request stored with what it changes."""
        self._answer_to_store = answer

    @property
    def stores_answer(self) -> bool:
        """True when the answer is stored for who sends the request again."""
        return self._answer_to_store is not None

    def finish(self) -> None:
        """Store the history of what was written, then the answer: to be called once, before the commit."""
        answer, user_id = self._answer_to_store, self.user.user_id
        if answer is None:
            self._context.write_history()
            return
        for _, outbox in self.connections.outboxes:
            outbox.answer = (user_id, answer.key.key)
        self._context.write_history()
        # Of several outboxes the last is as good as any: they are delivered in one transaction.
        pending = self.connections.pending[-1] if self.connections.pending else None
        at = to_micros(self.now)
        store_answer(self.connection, user_id, answer, at, outbox=pending)
        if self._context.trace is None:
            self._context.trace = Trace(idempotency_keys, {"user_id": user_id, "key": answer.key.key, "at": at})

    @property
    def trace(self) -> Trace | None:
        """A row by which it can be looked for whether this was committed; None when it stores none."""
        return self._context.trace

    # Inside

    def _planner(self) -> StorePlanner:
        return StorePlanner(self._context, self._search, self._search_of_all)

    def _planner_of(self, user: Principal) -> StorePlanner:
        other = Transaction(self._site, self.connection, user, self.now, writes=False)
        other.connections = other._context.connections = self.connections
        return other._planner()

    def _resolver(self, planner: StorePlanner) -> Resolver:
        return Resolver(planner, self._search)

    def _search(
        self,
        catalog: CatalogDeclaration,
        criteria: Mapping[str, object],
        *,
        most: int | None,
        within_reach: bool = False,
    ) -> list[int]:
        return self._finder.rids(catalog, criteria, most=most, within_reach=within_reach)

    def _search_of_all(self, catalog: CatalogDeclaration, criteria: Mapping[str, object]) -> list[int]:
        return self._finder.rids(catalog, criteria, most=None, of_everybody=True)

    def _root(self, planner: StorePlanner) -> Draft:
        with planner.workspace.without_locks():
            root = planner.at("/")
        if root is None:
            raise NotFound("The site has no root object; run `objapi init`.")
        return root

    def _one(self, planner: StorePlanner, selector: Selector) -> Draft:
        return raised(self._resolver(planner).select([selector])[0])


def _steps(selectors: Sequence[Selector], step: TransitionRequest) -> PlanItems:
    return lambda editor, places: plan_steps(editor, at_places(selectors, places), step)
