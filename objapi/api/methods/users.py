"""Methods for holders of `Manage users`: `users` and `grants`. A GET reads, a POST with `action` changes."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from objapi.api.answer_schemas import RECORD, RECORDS, TEXT, TEXTS
from objapi.api.method import Json, Method, MethodCall, missing
from objapi.api.methods.reading import OBJECT, selected
from objapi.api.methods.trials import described_change, planned_event
from objapi.api.methods.writing import DRY_RUN
from objapi.api.parameters import Control
from objapi.errors import BadRequest, ValidationError
from objapi.http.access import API
from objapi.security.accounts import Account
from objapi.security.administration import Grant, LocalGrant, UserAdministration
from objapi.security.needs import Need
from objapi.security.person_logins import LoginChange, PersonLogins
from objapi.security.second_factors import reset_second_factor, second_factor_of
from objapi.security.sign_on.links import link_sign_on, links_of, unlink_sign_on
from objapi.store.requests import AccessEvent, Change, Selector
from objapi.store.transaction import Transaction

_POST: Final = ("POST",)


_ACCOUNT_ACTIONS: Final = ("disable", "enable", "change", "reset_second_factor", "link_sign_on", "unlink_sign_on")
_LOGIN_ACTIONS: Final = ("create", "link", "unlink", "password_link")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "disable": (),
    "enable": (),
    "change": ("fullname", "email"),
    "reset_second_factor": (),
    "link_sign_on": ("subject",),
    "unlink_sign_on": (),
    "create": ("fullname", "email", "roles", "groups", "obj_path", "obj_uid"),
    "link": ("obj_path", "obj_uid"),
    "unlink": ("obj_path", "obj_uid"),
    "password_link": ("obj_path", "obj_uid"),
}
"""Action of `users` → the parameters that it takes beside `userid`."""


def users(call: MethodCall, tx: Transaction) -> Json:
    """List the users, or show one; with `action` make, link, change, lock out one, or let one set a password."""
    administration = UserAdministration(tx)
    action = asked_action(call, (*_ACCOUNT_ACTIONS, *_LOGIN_ACTIONS))
    user_id = call.controls.text("userid")
    if action is None:
        if user_id is None:
            return call.with_warnings({"users": [_listed(administration, each) for each in administration.accounts()]})
        return call.with_warnings({"user": _described(tx, administration, user_id)})
    call.refuse_unused()
    _refuse_words_of_others(call, action)
    dry_run = call.controls.flag("dry_run")
    if action in _LOGIN_ACTIONS:
        lifetime = timedelta(seconds=call.settings.password_link_lifetime)
        logins = PersonLogins(tx, administration, lifetime)
        return _login_answer(call, tx, _login_change(call, tx, logins, action, dry_run=dry_run), dry_run=dry_run)
    user_id = call.require_text("userid")
    if action == "change":
        fullname, email = call.controls.text("fullname"), call.controls.text("email")
        if fullname is None and email is None:
            raise missing("fullname")
        events = administration.change(user_id, fullname=fullname, email=email, dry_run=dry_run)
    elif action == "reset_second_factor":
        events = reset_second_factor(tx, administration, user_id, dry_run=dry_run)
    elif action == "link_sign_on":
        subject = call.require_text("subject")
        issuer = call.settings.oidc_issuer
        events = link_sign_on(tx, administration, user_id, issuer, subject, dry_run=dry_run)
    elif action == "unlink_sign_on":
        events = unlink_sign_on(tx, administration, user_id, dry_run=dry_run)
    else:
        events = administration.set_active(user_id, action == "enable", dry_run=dry_run)
    return _changed(user_id, events, dry_run=dry_run)


def _login_change(
    call: MethodCall, tx: Transaction, logins: PersonLogins, action: str, *, dry_run: bool
) -> LoginChange:
    controls, person = call.controls, _object(call, tx)
    user_id = controls.text("userid")
    if action == "create":
        account = Account(
            user_id or "",
            controls.text("fullname") or "",
            controls.text("email") or "",
            roles=controls.names("roles"),
            groups=controls.names("groups"),
        )
        return logins.make(account, person, dry_run=dry_run)
    if person is None and (user_id is None or action != "password_link"):
        raise missing("obj_path")
    if action == "password_link":
        return logins.issue_link(user_id, person, dry_run=dry_run)
    if person is None:
        raise missing("obj_path")
    if action == "link":
        return logins.link(call.require_text("userid"), person, dry_run=dry_run)
    return logins.unlink(person, user_id, dry_run=dry_run)


def _login_answer(call: MethodCall, tx: Transaction, change: LoginChange, *, dry_run: bool) -> Json:
    """The answer to a change of a log-in; the one-time link is answered here and nowhere else."""
    answer = dict(_changed(change.user_id, change.events, change.changes, dry_run=dry_run))
    if change.link is not None:
        site = call.exchange.url_of(f"/{call.settings.site_id}")
        expires = change.link.expires.astimezone(call.settings.timezone)
        answer |= {"password_link": site + change.link.path, "expires": expires.isoformat(timespec="seconds")}
    return answer


def _refuse_words_of_others(call: MethodCall, action: str) -> None:
    """Raise BadRequest for a parameter that the method knows and this action does not look at."""
    taken = {"userid", "action", "dry_run", *_WORDS[action]}
    others = sorted(call.controls.sent - taken)
    if others:
        raise BadRequest.of_parameter(others[0], f"{', '.join(others)}: action={action} does not take it.")


def grants(call: MethodCall, tx: Transaction) -> Json:
    """List roles, groups and local roles, of all, of a user or on an object; with `action` give or take some."""
    administration = UserAdministration(tx)
    action = asked_action(call, ("give", "take"))
    if action is None:
        return call.with_warnings(_grants(call, tx, administration))
    call.refuse_unused()
    controls, dry_run = call.controls, call.controls.flag("dry_run")
    grant = Grant(
        call.require_text("userid"),
        controls.names("roles"),
        controls.names("groups"),
        controls.names("local_roles"),
        _object(call, tx),
    )
    if grant.on is not None and not grant.local_roles and (grant.roles or grant.groups):
        # The role would hold on the whole site, which nobody means who names an object.
        named = "obj_path" if controls.text("obj_path") is not None else "obj_uid"
        raise ValidationError(f"{named} was sent without local_roles; send the role as local_role.")
    change = administration.give if action == "give" else administration.take
    return _changed(grant.principal, change(grant, dry_run=dry_run), dry_run=dry_run)


def asked_action(call: MethodCall, known: Sequence[str]) -> str | None:
    """The change that is asked for; None: to read. Raises BadRequest for another one, and for one sent by GET."""
    action = call.controls.text("action")
    if action is None:
        return None
    if action not in known:
        raise BadRequest.of_parameter("action", f"action: {' or '.join(known)} is expected, not {action[:40]!r}.")
    if not call.may_act:
        raise BadRequest.of_parameter("action", "action: send it by POST; a GET only reads.")
    return action


def _object(call: MethodCall, tx: Transaction) -> Selector | None:
    controls = call.controls
    named = controls.text("obj_path") is not None or controls.text("obj_uid") is not None
    return selected(call, tx) if named else None


def _grants(call: MethodCall, tx: Transaction, administration: UserAdministration) -> dict[str, object]:
    user_id, target = call.controls.text("userid"), _object(call, tx)
    principals = None if user_id is None else administration.principals_of(user_id)
    answer: dict[str, object] = {}
    if target is None:
        every = administration.accounts()
        accounts = every if user_id is None else [item for item in every if item.id == user_id]
        roles = tx.registry.roles
        answer["grants"] = [_site_grants(account) for account in accounts]
        answer["roles"] = list(roles.roles)
        answer["groups"] = [
            {"id": group.id, "title": group.title, "roles": list(group.roles)} for group in roles.groups.values()
        ]
    local = administration.local_grants(principals, target)
    answer["local_roles"] = [{"userid": user_id or item.principal, **_local(item, user_id)} for item in local]
    return answer


def _site_grants(account: Account) -> dict[str, object]:
    return {"userid": account.id, "roles": list(account.roles), "groups": list(account.groups)}


def _local(grant: LocalGrant, user_id: str | None) -> dict[str, object]:
    """One local grant; `through` names the group by which the user who was asked for has it."""
    through = {} if user_id in (None, grant.principal) else {"through": grant.principal}
    return {"path": grant.path, "UID": grant.uid, "roles": list(grant.roles), **through}


def _listed(administration: UserAdministration, account: Account) -> dict[str, object]:
    return {
        "userid": account.id,
        "UID": administration.uid_of(account.id),
        "fullname": account.fullname,
        "email": account.email,
        "active": account.active,
        "roles": list(account.roles),
        "groups": list(account.groups),
    }


def _described(tx: Transaction, administration: UserAdministration, user_id: str) -> dict[str, object]:
    account = administration.account(user_id)
    local = administration.local_grants(administration.principals_of(user_id))
    factor = second_factor_of(tx.connection, user_id)
    return {
        **_listed(administration, account),
        "site_roles": sorted(administration.site_roles(account)),
        "second_factor": factor is not None and factor.confirmed,
        "sign_on": [{"issuer": issuer, "subject": subject} for issuer, subject in links_of(tx.connection, user_id)],
        "local_roles": [_local(grant, user_id) for grant in local],
        "persons": [{"path": person.path, "UID": person.uid} for person in tx.persons.of_user(user_id)],
    }


def _changed(user_id: str, events: Sequence[AccessEvent], changes: Sequence[Change] = (), *, dry_run: bool) -> Json:
    """The answer to a change: the names of what changed and, of a dry run, the changes that would have been made."""
    withdrawn = [item.field for change in changes if change.event == "revoke" for item in change.fields]
    names = [name for event in events for name in event.changes]
    answer: dict[str, object] = {"userid": user_id, "updated": [*names, *withdrawn]}
    if dry_run:
        planned = [*(described_change(change) for change in changes), *(planned_event(event) for event in events)]
        answer |= {"dry_run": True, "plan": {"changes": planned, "reindexed": 0}}
    return answer


_CHANGED: Final = {"userid?": TEXT, "updated?": TEXTS}
_USER: Final = (
    Control("userid", "text", about="The user that is meant."),
    Control("action", "text", about="What is to be done; without it the call only reads."),
    Control("roles", "texts", (), aliases=("role",), about="Roles on the whole site."),
    Control("groups", "texts", (), aliases=("group",), about="Groups of users."),
    *OBJECT,
    DRY_RUN,
)

USERS: Final = (
    Method(
        name="users",
        access=API,
        needs=(Need.USERS,),
        controls=(
            *_USER,
            Control("fullname", "text", about="The name of the person."),
            Control("email", "text", about="The person's address."),
            Control("subject", "text", about="The lasting name (`sub`) of an account of the log-in provider."),
        ),
        answer={"users?": RECORDS, "user?": RECORD, **_CHANGED, "password_link?": TEXT, "expires?": TEXT},
        writing_verbs=_POST,
        acts_by="action",
        secrets=("password_link",),
        run=users,
    ),
    Method(
        name="grants",
        access=API,
        needs=(Need.USERS,),
        controls=(
            *_USER,
            Control(
                "local_roles", "texts", (), aliases=("local_role",), about="Roles on one object and all that is in it."
            ),
        ),
        answer={"grants?": RECORDS, "roles?": TEXTS, "groups?": RECORDS, "local_roles?": RECORDS, **_CHANGED},
        writing_verbs=_POST,
        acts_by="action",
        run=grants,
    ),
)
