"""The method `worklists`: the queries that the profile declares for the caller's roles, with numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from objapi.api.answer_schemas import RECORD, TEXT, TEXTS, list_of, record
from objapi.api.method import Json, Method, MethodCall
from objapi.api.parameters import LANGUAGE, Control
from objapi.errors import NotFound, sentence_end
from objapi.http.access import API
from objapi.model.labels import AS_DECLARED, Labels
from objapi.model.registry import Registry
from objapi.model.types import Kind
from objapi.model.worklists import DeclaredWorklist
from objapi.security.needs import Need
from objapi.store.requests import Find
from objapi.store.transaction import Transaction
from workflows.declarations import suggestion

_SHOWN: Final = ("id",)
_OF_EVERY_ROW: Final = ("UID", "id", "portal_type", "title", "version")
"""By the version a front-end notices that a row has changed."""


def worklists(call: MethodCall, tx: Transaction) -> Json:
    """The worklists for the roles that the caller has on the site, or the one that the URL names, in their order.

    Each has a `query`, which is sent to `read` as it stands, and the `columns` to show; with `counts` the number of
    objects that it finds.
    """
    mine = {name: item for name, item in tx.registry.worklists.items() if item.is_for(tx.user.roles)}
    if call.tail:
        asked = call.tail[0]
        if asked not in mine:
            told = sentence_end(suggestion(asked, mine))
            raise NotFound(f"There is no worklist {asked[:60]!r} for you{told}")
        mine = {asked: mine[asked]}
    counted = call.controls.flag("counts")
    return call.with_warnings({"worklists": [_described(call, tx, item, counted=counted) for item in mine.values()]})


def _described(call: MethodCall, tx: Transaction, worklist: DeclaredWorklist, *, counted: bool) -> Json:
    labels = tx.registry.labels(call.controls.text("language"))
    columns = list(described_columns(tx.registry, worklist.columns or _SHOWN, worklist.types, labels))
    criteria = worklist.criteria_of(tx.user.user_id, tx.now)
    query: dict[str, object] = {
        **criteria,
        "catalog_name": worklist.catalog,
        "include_fields": [*_OF_EVERY_ROW, *(str(column["name"]) for column in columns)],
    }
    expanded = [str(column["name"]) for column in columns if column.get("kind") == Kind.REFERENCE.value]
    if expanded:
        query["expand"] = expanded
    if worklist.sort_on:
        query["sort_on"] = list(worklist.sort_on)
    if worklist.sort_order:
        query["sort_order"] = worklist.sort_order
    described: dict[str, object] = {
        "id": worklist.name,
        "title": worklist.title,
        "titles": dict(worklist.titles),
        "about": worklist.about,
        "abouts": dict(worklist.abouts),
        "types": list(worklist.types),
        "query": query,
        "columns": columns,
        "transitions": list(worklist.transitions),
    }
    if counted:
        described["count"] = tx.find(Find(criteria, catalog=worklist.catalog, count_only=True, strict=True)).total
    return described


def described_columns(
    registry: Registry, columns: Sequence[str], types: Sequence[str], labels: Labels = AS_DECLARED
) -> Iterator[Mapping[str, object]]:
    """The columns, each with its title and, of a field, its kind; `words` are the titles of states and of choices."""
    for name in columns:
        described: dict[str, object] = {"name": name, "title": name}
        words: dict[str, str] = {}
        for portal_type in types:
            field = registry.types[portal_type].fields.get(name)
            if field is not None:
                described |= {"title": labels.of_field(portal_type, field).title or name, "kind": field.kind.value}
                words |= labels.words_of(portal_type, field)
                break
            states = {
                state.id: labels.of_state(workflow, state) or state.id
                for workflow in registry.chain(portal_type)
                if workflow.state_variable == name
                for state in workflow.states.values()
            }
            if states:
                described |= {"title": labels.of_index(name) or name, "kind": "state"}
                words |= states
        yield {**described, "words": words} if words else described


WORKLISTS: Final = (
    Method(
        name="worklists",
        access=API,
        needs=(Need.VIEW,),
        controls=(Control("counts", "boolean", False, about="Tell of each how many objects it finds."), LANGUAGE),
        answer={
            "worklists": list_of(
                record(
                    id=TEXT,
                    title=TEXT,
                    titles=RECORD,
                    about=TEXT,
                    abouts=RECORD,
                    types=TEXTS,
                    query=RECORD,
                    columns=list_of(record(name=TEXT, title=TEXT)),
                    transitions=TEXTS,
                )
            )
        },
        tail=1,
        tail_name="worklist",
        run=worklists,
    ),
)
