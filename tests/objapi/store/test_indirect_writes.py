"""What an act of the laboratory writes elsewhere needs the rights of a direct write, unless it is declared `system`.

The acts are computed from the declared profile: removals that break every kind of reference there is, every transition
from every state, every field that has effects, and the creators. Each is done once by somebody who may do all, to find
what it writes beside what it names; then by somebody who lacks one right, on one of these other objects.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import select

from objapi.errors import ApiError
from objapi.model.types import EntityType, Kind
from objapi.store.requests import ByPath, ByUid, CreateItem, Outcome, UpdateItem
from objapi.store.schema import entities, refs
from objapi.store.transaction import Transaction
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import DELETE, MODIFY
from objapi.store.writing.planner import StorePlanner, StoreWorld
from tests.objapi.store.workshop import Gateway
from workflows import Context

CLIENT = "/clients/client-1"
REQUEST = {
    "Client": "portal_type:Client|id:client-1",
    "SampleType": "portal_type:SampleType|title:Apple Pulp",
    "Contact": "portal_type:Contact|getFullname:Rita Mohale",
    "SamplingDate": "2013-09-29",
    "Services": ["portal_type:AnalysisService|title:Calcium"],
}


@dataclass(frozen=True)
class Act:
    """One operation, by what is done and to what type."""

    name: str
    work: Callable[..., Outcome]
    direct: bool = True
    """True when fields that no behaviour sets are what the act was asked to write."""


@dataclass(frozen=True)
class IndirectWrite:
    """A right that an act needs on an object beside the one it names."""

    kind: str
    portal_type: str
    detail: str
    permission: str
    uid: str | None
    """None: an object that the act makes."""
    system: bool = False
    asked: bool = False
    """True for a right that the guard of a transition asks for."""


@dataclass
class Watch:
    """The indirect writes of one act as they happen, and the right that is missing in it."""

    act: Act
    missing: IndirectWrite | None = None
    found: dict[tuple[str, str, str, bool], IndirectWrite] = field(default_factory=dict)
    steps: set[tuple[str | None, str]] = field(default_factory=set)
    setting: list[bool] = field(default_factory=list)

    def note(self, kind: str, draft: Draft, detail: str, permission: str, **more: bool) -> None:
        uid = None if draft.is_new else draft.uid
        write = IndirectWrite(kind, draft.portal_type, detail, permission, uid, **more)
        self.found.setdefault((kind, draft.portal_type, detail, write.system), write)

    def lacks(self, draft: Draft, permission: str) -> bool:
        missing = self.missing
        if missing is None or permission != missing.permission or draft.portal_type != missing.portal_type:
            return False
        return draft.uid == missing.uid or (missing.uid is None and draft.is_new)


def needed(draft: Draft, name: str) -> str:
    """The permission that the declaration of a field asks for on an object."""
    declared = draft.type.fields[name]
    if declared.write_permission_by is not None:
        value, by_value = declared.write_permission_by
        if str(draft.value(value)) in by_value:
            return by_value[str(draft.value(value))]
    return declared.write_permission or MODIFY


@contextmanager
def watched(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note what planners do, and let the user lack the missing right."""
    can, write, set_, create, remove = (
        StorePlanner.can,
        StorePlanner.write,
        StorePlanner.set,
        StorePlanner.create,
        StorePlanner.remove,
    )
    context, apply = StoreWorld.context, StoreWorld.apply

    def noting_set(self: StorePlanner, entity: Any, name: str, value: object, *, system: bool = False) -> None:
        watch.setting.append(system or self.run.system)
        try:
            set_(self, entity, name, value, system=system)
        finally:
            watch.setting.pop()

    def noting_write(self: StorePlanner, draft: Draft, name: str, value: object) -> None:
        behaviour, declared = bool(watch.setting), draft.type.fields[self._stored_name(draft.type, name)]
        stored_elsewhere = self.values.storing_object(draft, declared) is not None
        indirect = (behaviour or not watch.act.direct) and not (draft.is_new or declared.system or stored_elsewhere)
        if indirect and draft.data.get(declared.name) != value:
            system = behaviour and watch.setting[-1]
            watch.note("set", draft, declared.name, needed(draft, declared.name), system=system)
        # What the effects of the change write has authority of its own.
        before, watch.setting = watch.setting, []
        try:
            write(self, draft, name, value)
        finally:
            watch.setting = before

    def noting_create(self: StorePlanner, portal_type: str, container: Any, values: Any, **options: Any) -> Draft:
        system = bool(options.get("system")) or self.run.system
        if container is not None:
            watch.note("create", container, portal_type, self.registry.types[portal_type].add_permission, system=system)
        return create(self, portal_type, container, values, **options)

    def noting_remove(self: StorePlanner, entity: Any, *, system: bool = False) -> None:
        if not (system and not watch.act.direct):
            watch.note("remove", entity, "", DELETE, system=system or self.run.system)
        remove(self, entity, system=system)

    def noting_context(self: StoreWorld, subject: Any) -> Context:
        found = context(self, subject)

        def may(permission: str) -> bool:
            if found.holds(permission):
                watch.note("fire", subject, permission, permission, asked=True)
            return found.holds(permission) and not watch.lacks(subject, permission)

        return replace(found, holds=may)

    def noting_apply(self: StoreWorld, subject: Any, step: Any) -> None:
        if step.transition is not None:
            watch.steps.add((None if subject.is_new else subject.uid, step.transition.id))
        apply(self, subject, step)

    with monkeypatch.context() as patch:
        patch.setattr(StorePlanner, "can", lambda self, e, p: can(self, e, p) and not watch.lacks(e, p))
        patch.setattr(StorePlanner, "set", noting_set)
        patch.setattr(StorePlanner, "write", noting_write)
        patch.setattr(StorePlanner, "create", noting_create)
        patch.setattr(StorePlanner, "remove", noting_remove)
        patch.setattr(StoreWorld, "context", noting_context)
        patch.setattr(StoreWorld, "apply", noting_apply)
        yield


def removals(laboratory: Gateway) -> Iterator[Act]:
    """A removal for each kind of reference that is there: referring type, field, type referred to."""
    source, target = entities.alias(), entities.alias()
    joined = refs.join(source, source.c.rid == refs.c.source).join(target, target.c.rid == refs.c.target)
    columns = (source.c.portal_type.label("source"), refs.c.field, target.c.portal_type.label("target"), target.c.uid)
    rows = laboratory.site.transact(
        lambda connection: connection.execute(select(*columns).select_from(joined)).all(), write=False
    )
    kinds = {(row.source, row.field, row.target): row.uid for row in rows}
    for (referring, name, portal_type), uid in sorted(kinds.items()):
        yield Act(
            f"remove {portal_type}, clearing {referring}.{name}",
            lambda tx, uid=uid, **options: tx.remove([uid], break_references=True, **options),
            direct=False,
        )


def transitions(laboratory: Gateway) -> Iterator[Act]:
    """A transition for each type and state that offers it to somebody."""
    uids = laboratory.site.transact(lambda c: list(c.scalars(select(entities.c.uid))), write=False)
    offered = laboratory.run("admin", lambda tx: tx.offered([ByUid(uid) for uid in uids]))
    types = {
        item["UID"]: (item["portal_type"], item["review_state"])
        for name in laboratory.site.registry.catalogs
        for item in laboratory.find("admin", catalog=name)
        if "review_state" in item
    }
    kinds = {
        (*types[item.uid], action): item.uid for item in offered if item.uid in types for action, _ in item.transitions
    }
    for (portal_type, state, action), uid in sorted(kinds.items()):
        yield Act(
            f"{action} {portal_type} in {state}",
            lambda tx, uid=uid, action=action, **options: tx.transition([ByUid(uid)], action, **options),
            direct=False,
        )


def altered(value: Any, kind: Kind) -> Any:
    """Another value of the kind."""
    if isinstance(value, list):
        return value[:-1] if value else value
    if kind is Kind.BOOLEAN:
        return not value
    return {Kind.STRING: "2", Kind.TEXT: "2", Kind.DATETIME: "2031-02-03"}.get(kind)


def updates(laboratory: Gateway, registry_types: dict[str, EntityType]) -> Iterator[Act]:
    """A change of each field that has effects, on an object that has a value there where one has."""
    seen: dict[tuple[str, str], tuple[str, Any]] = {}
    for name in laboratory.site.registry.catalogs:
        for item in laboratory.find("admin", catalog=name):
            for own in registry_types[item["portal_type"]].fields.values():
                key = (item["portal_type"], own.name)
                if own.on_change and own.alias_of is None and not (seen.get(key) or ("", None))[1]:
                    seen[key] = (item["UID"], item.get(own.name))
    for (portal_type, name), (uid, value) in sorted(seen.items()):
        other = altered(value, registry_types[portal_type].fields[name].kind)
        yield Act(
            f"update {portal_type}.{name}",
            lambda tx, uid=uid, name=name, other=other, **options: tx.update(
                [UpdateItem(ByUid(uid), {name: other})], **options
            ),
        )


def creations(laboratory: Gateway) -> Iterator[Act]:
    """A creation for each type that makes or changes others along with itself."""
    values: dict[str, tuple[str | None, dict[str, object]]] = {
        "AnalysisRequest": (None, REQUEST),
        "Analysis": (f"{CLIENT}/AP1-0001-R01", {"Service": "portal_type:AnalysisService|title:Calcium"}),
        "DuplicateAnalysis": ("/worksheets/WS-001", {"Analysis": "/clients/client-4/CN-0002-R01/Cu"}),
    }
    for portal_type, (container, given) in values.items():
        item = CreateItem(portal_type, None if container is None else ByPath(container), given)
        yield Act(f"create {portal_type}", lambda tx, item=item, **options: tx.create([item], **options))


def attempt(laboratory: Gateway, watch: Watch, monkeypatch: pytest.MonkeyPatch, **options: bool) -> ApiError | None:
    """The refusal of an act as the administrator does it; None when it is done."""

    def work(tx: Transaction) -> Outcome:
        return watch.act.work(tx, **options)

    with watched(watch, monkeypatch):
        try:
            laboratory.run("admin", work, write=True)
        except ApiError as error:
            return error
    return None


def still_done(write: IndirectWrite, whole: Watch, lacking: Watch) -> bool:
    """True when an act that was not refused did what its user may not.

    A behaviour may leave a write out that the user may not do, and a cascade a transition that it only attempts. Where
    a guard passes by another right, the same transitions are taken.
    """
    if write.asked:
        return bool(lacking.steps - whole.steps)
    return any(item.detail == write.detail and item.uid == write.uid for item in lacking.found.values())


def test_no_act_writes_elsewhere_what_its_user_may_not(laboratory: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    types = dict(laboratory.site.registry.types)
    acts = [*removals(laboratory), *transitions(laboratory), *updates(laboratory, types), *creations(laboratory)]
    before = laboratory.dump()
    walked: dict[str, set[str]] = {}
    passed = []
    for act in acts:
        whole = Watch(act)
        if attempt(laboratory, whole, monkeypatch, dry_run=True) is not None:
            continue
        for write in whole.found.values():
            if write.system:
                continue
            walked.setdefault(write.kind, set()).add(f"{act.name}: {write.portal_type} {write.detail}")
            lacking = Watch(act, write)
            refusal = attempt(laboratory, lacking, monkeypatch, dry_run=True)
            if refusal is None and still_done(write, whole, lacking):
                passed.append((act.name, write))
            if refusal is not None:
                refused_again = attempt(laboratory, Watch(act, write), monkeypatch)
                assert type(refused_again) is type(refusal), act.name
    assert passed == []
    assert laboratory.dump() == before
    assert {kind for kind, found in walked.items() if len(found) > 1} == {"set", "create", "fire"}
