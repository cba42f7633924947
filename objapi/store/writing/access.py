"""Who may do what, and by which rule: asked of the same rules that hold requests back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from objapi.errors import FIRST_CAUSES, ApiError, Forbidden
from objapi.model.types import Field
from objapi.store.access_requests import (
    AccessQuestion,
    AccessVerdict,
    HasPermission,
    HeldPermission,
    MayDo,
    MayStep,
    ObjectAccess,
    ObjectRule,
    PermissionSource,
)
from objapi.store.permissions.acls import MANAGER_ONLY, VIEW, Acl
from objapi.store.permissions.rights import Rights
from objapi.store.writing.copying import uncopyable
from objapi.store.writing.draft import Draft
from objapi.store.writing.field_rules import DELETE, not_addable, not_removable, write_permissions
from objapi.store.writing.moving import laid_out_paths, unmovable
from objapi.store.writing.placing import require_few
from objapi.store.writing.planner import StorePlanner
from objapi.store.writing.row_checks import read_only_errors
from workflows import Offer, PermissionSetting, offers, state_id

_TREES = frozenset({ObjectRule.REMOVE, ObjectRule.MOVE})
_UNSEEN_BY_THEM = "The user does not see the object, so that it is as if it were not there."


class AccessExplainer:
    """Answers questions about what the user of a planner may do to objects.

    `asker`: the rights of whoever is told of another user's; what the asker may not see is not told.
    """

    def __init__(self, planner: StorePlanner, root: Draft, asker: Rights | None = None) -> None:
        self._planner = planner
        self._root = root
        self._rights = planner.rights
        self._asker = asker
        self._known: dict[tuple[int, str], HeldPermission] = {}
        """Row number of an object, permission → what is told of it, whoever is asked for it."""
        self._holding: dict[tuple[int, int, str], tuple[Acl, HeldPermission]] = {}
        """Identity of an acl, scope, permission → the acl, which keeps its identity meanwhile, and who holds it."""
        planner.world.explains = True
        planner.world.asker = asker

    def answers(self, drafts: Sequence[Draft], questions: Sequence[AccessQuestion]) -> Iterator[ObjectAccess]:
        """The answers about each object; what they need is loaded together."""
        workspace = self._planner.workspace
        if any(isinstance(item, MayDo) and item.rule in _TREES for item in questions):
            require_few(self._planner, drafts, "looked at")
            workspace.load_tree(drafts)
        for draft in drafts:
            groups = self._rights.principal.groups
            yield ObjectAccess(
                draft.uid,
                draft.path,
                draft.portal_type,
                tuple(self._verdict(draft, question) for question in questions),
                self._rights.roles_on(draft.acl, draft.scope),
                draft.scope,
                {group: draft.acl.groups[group] for group in groups if group in draft.acl.groups},
            )

    def _verdict(self, draft: Draft, question: AccessQuestion) -> AccessVerdict:
        if isinstance(question, HasPermission):
            held = self._held(self._root if question.on_site else draft, question.permission)
            return AccessVerdict(question.asked, held.held, (held,))
        if not self._rights.may(VIEW, draft.acl, draft.scope):
            return AccessVerdict(question.asked, False, (self._held(draft, VIEW),), (_UNSEEN_BY_THEM,))
        if isinstance(question, MayStep):
            return self._step(draft, question.asked)
        match question.rule:
            case ObjectRule.SEE:
                return self._by_rule(draft, question.asked, [self._held(draft, VIEW)])
            case ObjectRule.READ_HISTORY:
                permission = self._planner.registry.roles.history_permission
                return self._by_rule(draft, question.asked, [self._held(draft, permission)])
            case ObjectRule.ADD:
                return self._add(draft, question)
            case ObjectRule.WRITE:
                return self._write(draft, question.asked)
            case ObjectRule.REMOVE:
                errors = self._kept(draft, "remove")
                return self._by_rule(draft, question.asked, [self._held(draft, DELETE)], errors)
            case ObjectRule.COPY:
                return self._by_rule(draft, question.asked, self._again(draft), uncopyable(draft))
            case ObjectRule.MOVE:
                errors = [*unmovable(draft, laid_out_paths(self._planner)), *self._kept(draft, "move")]
                return self._by_rule(draft, question.asked, [self._held(draft, DELETE), *self._again(draft)], errors)
            case ObjectRule.STEP:
                return self._any_step(draft, question.asked)

    def _by_rule(
        self, draft: Draft, asked: str, needed: Sequence[HeldPermission], errors: Sequence[ApiError] = ()
    ) -> AccessVerdict:
        """The answer where all of the permissions are needed, and nothing else may stand in the way."""
        allowed = all(item.held for item in needed) and not errors
        return AccessVerdict(asked, allowed, tuple(needed), self._reasons(draft, errors))

    # Permissions

    def _held(self, draft: Draft, permission: str, subjects: Iterable[str] = ()) -> HeldPermission:
        key = (draft.rid, permission)
        held = self._known.get(key)
        if held is None:
            sources = self._sources(draft, permission)
            held = self._known[key] = self._held_under(draft.acl, draft.scope, permission, sources)
        told = tuple(subjects)
        return replace(held, subjects=told) if told else held

    def _held_under(
        self, acl: Acl, scope: int, permission: str, sources: Iterable[PermissionSource], subjects: Iterable[str] = ()
    ) -> HeldPermission:
        # Most objects of a request share acl and scope.
        key = (id(acl), scope, permission)
        known = self._holding.get(key)
        if known is None:
            known = self._holding[key] = (acl, self._holders(acl, scope, permission))
        return replace(known[1], sources=tuple(sources), subjects=tuple(subjects))

    def _holders(self, acl: Acl, scope: int, permission: str) -> HeldPermission:
        rights = self._rights
        holders = acl.roles_with(permission)
        granted = [acl.groups[group] for group in rights.principal.groups if group in acl.groups]
        own = rights.roles_in(scope, permission).union(*granted, ("Anonymous",))
        return HeldPermission(
            permission,
            rights.may(permission, acl, scope),
            tuple(sorted(holders & own)),
            tuple(sorted(holders)),
            (),
            (),
        )

    def _sources(self, draft: Draft, permission: str) -> Iterator[PermissionSource]:
        """The settings that say who holds a permission, from the object upwards as far as roles are acquired."""
        if draft.type.table is not None and not draft.settings.permissions:
            roles = self._planner.workspace.rows.site.default_acl(draft.portal_type).roles_with(permission)
            yield PermissionSource("type", "", tuple(sorted(roles)), acquire=False)
            return
        here: Draft | None = draft
        while here is not None:
            setting = here.settings.permissions.get(permission)
            if setting is not None:
                yield self._source(here, permission, setting)
                if not setting.acquire:
                    return
            here = self._planner.workspace.parent(here)
        declared = self._planner.registry.roles.permissions.get(permission)
        holders = MANAGER_ONLY if declared is None else declared.roles
        yield PermissionSource("site", "", tuple(sorted(holders)), acquire=False)

    def _source(self, draft: Draft, permission: str, setting: PermissionSetting) -> PermissionSource:
        roles = tuple(sorted(setting.roles))
        if not self._tells_of(draft):
            return PermissionSource("object", "", roles, setting.acquire)
        path = draft.path
        for workflow in self._planner.registry.chain(draft.portal_type):
            state = state_id(workflow, draft)
            known = workflow.states.get(state)
            if known is not None and workflow.settings_of(known).permissions.get(permission) == setting:
                return PermissionSource("state", path, roles, setting.acquire, workflow.id, state)
        origin = "type" if draft.type.permissions.get(permission) == setting else "object"
        return PermissionSource(origin, path, roles, setting.acquire)

    def _tells_of(self, draft: Draft) -> bool:
        asker = self._asker or self._rights
        token = asker.principal.token
        return asker.may(VIEW, draft.acl, draft.scope) and (
            token is None or token.covers(draft.portal_type, draft.path)
        )

    # Rules

    def _add(self, draft: Draft, question: MayDo) -> AccessVerdict:
        planner, types = self._planner, self._planner.registry.types
        asked = None if question.portal_type is None else types[question.portal_type]
        if asked is not None and asked.table is not None:
            rows = planner.workspace.rows
            acl, scope = rows.site.default_acl(asked.portal_type), rows.visibility.scope
            source = PermissionSource("type", "", tuple(sorted(acl.roles_with(asked.add_permission))), acquire=False)
            held = self._held_under(acl, scope, asked.add_permission, [source], [asked.portal_type])
            return AccessVerdict(question.asked, held.held, (held,))
        fitting = [item for item in types.values() if draft.portal_type in item.containers and asked in (None, item)]
        by_permission: dict[str, list[str]] = {}
        for item in fitting:
            by_permission.setdefault(item.add_permission, []).append(item.portal_type)
        needed = tuple(self._held(draft, permission, names) for permission, names in by_permission.items())
        if asked is not None and not fitting:
            reasons = tuple(error.message for error in not_addable(planner, asked, draft))
        else:
            reasons = () if fitting else (f"A {draft.portal_type} holds nothing.",)
        return AccessVerdict(question.asked, any(item.held for item in needed), needed, reasons)

    def _again(self, draft: Draft) -> list[HeldPermission]:
        """What it needs to put an object of the type into the container once more."""
        with self._planner.workspace.without_locks():
            container = self._planner.workspace.parent(draft)
        return [] if container is None else [self._held(container, draft.type.add_permission, [draft.portal_type])]

    def _write(self, draft: Draft, asked: str) -> AccessVerdict:
        needed: dict[tuple[int, str], tuple[Draft, list[str]]] = {}
        writable = False
        for field in draft.type.fields.values():
            if not _is_written(field):
                continue
            places = list(write_permissions(self._planner, draft, field.name))
            for place, permission in places:
                needed.setdefault((place.rid, permission), (place, []))[1].append(field.name)
            writable = writable or all(self._planner.can(place, permission) for place, permission in places)
        permissions = tuple(self._held(place, permission, names) for (_, permission), (place, names) in needed.items())
        reasons = tuple(error.message for error in read_only_errors([draft]))
        return AccessVerdict(asked, writable and not reasons, permissions, reasons)

    def _kept(self, draft: Draft, verb: Literal["remove", "move"]) -> list[ApiError]:
        return not_removable(self._planner, [draft, *self._planner.workspace.load_tree([draft])], verb)

    def _reasons(self, draft: Draft, errors: Iterable[ApiError]) -> tuple[str, ...]:
        """The messages of refusals; of another user's those alone that are about the object, whoever asks for it."""
        found = list(errors)
        if self._asker is None:
            return tuple(dict.fromkeys(error.message for error in found))[:FIRST_CAUSES]
        own = [error for error in found if _is_about(error, draft)]
        # What the user lacks is told with the permissions; what is inside the asker may not see.
        messages = [error.message for error in own if not isinstance(error, Forbidden)]
        return (*messages, *(("What it contains stands in the way.",) if len(own) < len(found) else ()))

    # Transitions

    def _any_step(self, draft: Draft, asked: str) -> AccessVerdict:
        found = self._offers(draft)
        by_permission: dict[str, list[str]] = {}
        for offer in found:
            for permission in offer.transition.guard.permissions:
                by_permission.setdefault(permission, []).append(offer.transition.id)
        needed = tuple(self._held(draft, permission, names) for permission, names in by_permission.items())
        reasons = tuple(f"{offer.transition.id}: {text}" for offer in found for text in _conditions(offer))
        allowed = any(offer.verdict.passed for offer in found)
        return AccessVerdict(asked, allowed, needed, reasons if found else ("Its state offers no transition.",))

    def _step(self, draft: Draft, asked: str) -> AccessVerdict:
        found = [offer for offer in self._offers(draft) if offer.transition.id == asked]
        passed = next((offer for offer in found if offer.verdict.passed), None)
        offer = passed or next(iter(found), None)
        if offer is None:
            chain = self._planner.registry.chain(draft.portal_type)
            states = ", ".join(f"{workflow.state_variable} {state_id(workflow, draft)}" for workflow in chain)
            return AccessVerdict(asked, False, (), (f"Its state ({states or 'none'}) does not offer {asked}.",))
        needed = tuple(self._held(draft, permission) for permission in offer.transition.guard.permissions)
        return AccessVerdict(asked, offer.verdict.passed, needed, tuple(_conditions(offer)))

    def _offers(self, draft: Draft) -> Sequence[Offer]:
        return offers(self._planner.world, self._planner.registry.conditions, draft)


def unseen_row(asked: Iterable[AccessQuestion], uid: str, path: str, portal_type: str) -> ObjectAccess:
    """The answers about a row of a table that its rule does not show to the user."""
    verdicts = tuple(AccessVerdict(question.asked, False, (), (_UNSEEN_BY_THEM,)) for question in asked)
    return ObjectAccess(uid, path, portal_type, verdicts, frozenset(), 0)


def _is_about(error: ApiError, draft: Draft) -> bool:
    return any(cause.name == draft.path for cause in error.causes) or f" {draft.path} " in f" {error.message} "


def _conditions(offer: Offer) -> Iterator[str]:
    """Reasons of a guard that are no permission, each with what would satisfy it."""
    for reason in offer.verdict.reasons:
        if reason.kind != "permission":
            yield "; ".join(part.rstrip(".") for part in (reason.message, reason.remedy) if part) + "."


def _is_written(field: Field) -> bool:
    """True for a field that clients write."""
    return not field.system and field.path is None and field.compute is None
