"""The method `can`: what somebody may do to objects, and by which rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from objapi.api.answer_schemas import BOOLEAN, RECORDS, TEXT, TEXTS, list_of, optional_members, record
from objapi.api.method import Json, Method, MethodCall, missing
from objapi.api.methods.writing import named_objects
from objapi.api.parameters import Control
from objapi.errors import ApiError, BadRequest, Cause, joined_messages, sentence_end
from objapi.http.access import API
from objapi.model.principal import Principal
from objapi.model.registry import Registry
from objapi.security.administration import MANAGE_USERS, UserAdministration
from objapi.security.needs import ON_SITE, Need
from objapi.security.principals import load_by_login
from objapi.security.role_origins import RoleOrigin, RoleOrigins
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
from objapi.store.permissions.acls import VIEW
from objapi.store.requests import ByPath
from objapi.store.transaction import Transaction
from objapi.store.writing.field_rules import DELETE, MODIFY
from workflows.declarations import suggestion

_KINDS: Final = ("method", "permission", "transition")

RULES: Final[Mapping[tuple[Need, ...], ObjectRule]] = {
    (Need.VIEW,): ObjectRule.SEE,
    (Need.VIEW, Need.HISTORY): ObjectRule.READ_HISTORY,
    (Need.ADD, Need.CHANGE): ObjectRule.ADD,
    (Need.CHANGE,): ObjectRule.WRITE,
    (Need.REMOVE,): ObjectRule.REMOVE,
    (Need.VIEW, Need.ADD): ObjectRule.COPY,
    (Need.REMOVE, Need.ADD): ObjectRule.MOVE,
    (Need.TRANSITION,): ObjectRule.STEP,
}
"""What methods declare that their calls need → the rule of the store to which these are held."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One name of `can`, with what it was found to be."""

    name: str
    kind: str
    question: AccessQuestion
    method: Method | None = None


def can(call: MethodCall, tx: Transaction) -> Json:
    """What the caller, or the user `userid`, may do to each object, with the permissions and roles that decide it."""
    call.refuse_unused()
    asked = _asked(call, tx.registry)
    user, active = _user(call, tx)
    named = call.controls.names("obj_paths") or call.controls.names("uids")
    selectors = named_objects(call) if named else [ByPath("/")]
    found = tx.access(selectors, [item.question for item in asked], None if user is tx.user else user)
    origins = RoleOrigins(tx, user).of(found)
    barred = {item.name: list(_barred(tx, user, item, active=active)) for item in asked}
    objects = [_described_object(access, roles, asked, barred) for access, roles in zip(found, origins, strict=True)]
    token = {} if user.token is None else {"token": {"prefix": user.token.prefix, "scope": str(user.token)}}
    return {"userid": user.user_id, **token, "objects": objects}


def _user(call: MethodCall, tx: Transaction) -> tuple[Principal, bool]:
    """The user who is asked about, and whether the account is active. Raises Forbidden, NotFound."""
    user_id = call.controls.text("userid")
    if user_id is None or user_id == tx.user.user_id:
        return tx.user, True
    account = UserAdministration(tx).account(user_id)
    loaded = load_by_login(tx.connection, account.id, tx.registry.roles)
    if loaded is None:
        raise BadRequest.of_parameter("userid", f"userid: {user_id!r} is no id of a user.")
    return loaded.principal, account.active


# What is asked


def _asked(call: MethodCall, registry: Registry) -> list[_Asked]:
    """The questions that `can` names. Raises BadRequest for every name that is none."""
    names, portal_type = tuple(dict.fromkeys(call.controls.names("can"))), call.controls.text("obj_type")
    if not names:
        raise missing("can")
    if portal_type is not None and portal_type not in registry.types:
        near = suggestion(portal_type, registry.types)
        raise BadRequest.of_parameter(
            "obj_type", f"obj_type: there is no type {portal_type[:60]!r}{sentence_end(near)}"
        )
    permissions = known_permissions(registry)
    transitions = {name for workflow in registry.workflows.values() for name in workflow.transitions}
    asked, problems = [], []
    for name in names:
        found = _question(name, call.methods, permissions, transitions, portal_type)
        if isinstance(found, _Asked):
            asked.append(found)
        else:
            problems.append(Cause("parameter", "can", f"can: {found}"))
    if problems:
        raise BadRequest(joined_messages(problem.message for problem in problems), causes=problems)
    return asked


def _question(
    name: str,
    methods: Mapping[str, Method],
    permissions: frozenset[str],
    transitions: set[str],
    portal_type: str | None,
) -> _Asked | str:
    """What a name means, a method before a permission before a transition; or why it means nothing."""
    prefix, _, rest = name.partition(":")
    kind, own = (prefix, rest) if prefix in _KINDS else ("", name)
    if kind in ("", "method") and own in methods:
        method = methods[own]
        on_site = next((ON_SITE[need] for need in method.needs if need in ON_SITE), None)
        if on_site is not None:
            return _Asked(name, "method", HasPermission(name, on_site, on_site=True), method)
        rule = RULES.get(method.needs)
        if rule is None:
            return f"{own} needs no right on one object: all, or all of the staff, may call it, or its objects decide."
        return _Asked(name, "method", MayDo(name, rule, portal_type), method)
    if kind in ("", "permission") and own in permissions:
        return _Asked(name, "permission", HasPermission(name, own))
    if kind in ("", "transition") and own in transitions:
        return _Asked(name, "transition", MayStep(own))
    near = suggestion(own, [*methods, *permissions, *transitions])
    return f"{name[:80]!r} is no method, permission or transition{sentence_end(near)}"


def known_permissions(registry: Registry) -> frozenset[str]:
    """Every permission that a site declares or asks for."""
    roles = registry.roles
    found = {VIEW, MODIFY, DELETE, MANAGE_USERS, roles.api_permission, roles.history_permission, *roles.permissions}
    for declared in registry.types.values():
        found.update((declared.add_permission, *declared.permissions))
        for field in declared.fields.values():
            found.update(name for name in (field.read_permission, field.write_permission) if name is not None)
            if field.write_permission_by is not None:
                found.update(field.write_permission_by[1].values())
    for workflow in registry.workflows.values():
        found.update(workflow.managed_permissions)
        for transition in workflow.transitions.values():
            found.update(transition.guard.permissions)
    return frozenset(found)


def _barred(tx: Transaction, user: Principal, asked: _Asked, *, active: bool) -> Iterator[str]:
    """What keeps a user from something whatever the object is: a disabled account, the API itself, an API token."""
    if not active:
        yield f"{user.user_id} is disabled."
    permission = tx.registry.roles.api_permission
    if asked.kind != "permission" and user is not tx.user and not tx.holds_anywhere(user, permission):
        yield f"The API needs the permission {permission}."
    if user.token is None:
        return
    try:
        if asked.method is not None:
            user.token.require_call(asked.method.name, acts=bool(asked.method.writing_verbs))
        elif asked.kind == "transition":
            user.token.require_writing()
    except ApiError as refusal:
        yield refusal.message


# Answers as JSON


def _described_object(
    access: ObjectAccess, roles: Sequence[RoleOrigin], asked: Sequence[_Asked], barred: Mapping[str, Sequence[str]]
) -> Json:
    return {
        "UID": access.uid,
        "path": access.path,
        "portal_type": access.portal_type,
        "can": [
            _described_verdict(item, verdict, barred[item.name])
            for item, verdict in zip(asked, access.verdicts, strict=True)
        ],
        "roles": [_described_role(role) for role in roles],
    }


def _described_verdict(asked: _Asked, verdict: AccessVerdict, barred: Sequence[str]) -> Json:
    return {
        "asked": asked.name,
        "kind": asked.kind,
        "allowed": verdict.allowed and not barred,
        "reasons": [*barred, *verdict.reasons],
        "permissions": [_described_permission(held) for held in verdict.permissions],
    }


def _described_permission(held: HeldPermission) -> Json:
    described: dict[str, object] = {
        "permission": held.permission,
        "held": held.held,
        "by": list(held.by),
        "roles": list(held.roles),
        "set_by": [_described_source(source) for source in held.sources],
    }
    if held.subjects:
        described["for"] = list(held.subjects)
    return described


def _described_source(source: PermissionSource) -> Json:
    names = {"path": source.path, "workflow": source.workflow, "state": source.state}
    return {
        "from": source.origin,
        **{name: value for name, value in names.items() if value},
        "roles": list(source.roles),
        "acquire": source.acquire,
    }


def _described_role(role: RoleOrigin) -> Json:
    names = {"group": role.group, "path": role.path, "UID": role.uid}
    described: dict[str, object] = {"role": role.role, "from": role.origin}
    described |= {name: value for name, value in names.items() if value}
    return described if role.counts else {**described, "counts": False}


_PERMISSION: Final = optional_members(
    {"permission": TEXT, "held": BOOLEAN, "by": TEXTS, "roles": TEXTS, "set_by": RECORDS, "for?": TEXTS}
)
_OBJECT: Final = record(
    UID=TEXT,
    path=TEXT,
    portal_type=TEXT,
    can=list_of(
        record(asked=TEXT, kind=TEXT, allowed=BOOLEAN, reasons=TEXTS, permissions=list_of(_PERMISSION)),
    ),
    roles=list_of(optional_members({"role": TEXT, "from": TEXT, "group?": TEXT, "path?": TEXT, "counts?": BOOLEAN})),
)

ACCESS: Final = (
    Method(
        name="can",
        access=API,
        needs=(Need.VIEW,),
        controls=(
            Control("can", "texts", (), about="Methods, permissions or transitions that are asked for.", required=True),
            Control("obj_paths", "texts", (), aliases=("obj_path", "f"), about="Paths of objects; none: the site."),
            Control("uids", "texts", (), aliases=("UID", "obj_uid"), about="UIDs of objects."),
            Control("obj_type", "text", about="With create: the type of what is to be made."),
            Control("userid", "text", about="Another user, for holders of Manage users."),
        ),
        answer={"userid": TEXT, "token?": record(prefix=TEXT, scope=TEXT), "objects": list_of(_OBJECT)},
        run=can,
    ),
)
