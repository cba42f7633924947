"""Log-ins of contacts over HTTP: made, linked, unlinked, and passwords by one-time links."""

from collections.abc import Iterator
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.acceptance.client import Client, failed, succeeded
from tests.acceptance.conftest import Serve
from tests.conftest import DATABASES
from tests.waiting import ENOUGH

CLIENT_3 = "/Plone/clients/client-3"
PASSWORD = "seven green apples"
NUMBERS = count(1)


@pytest.fixture(scope="module", params=DATABASES)
def laboratory(request: pytest.FixtureRequest, serve: Serve) -> str:
    """The URL of a laboratory whose users these tests change."""
    return serve(request.param, OBJAPI_LOGIN_FAILURES="1000", OBJAPI_ADDRESS_FAILURES="1000")


@pytest.fixture
def admin(laboratory: str) -> Iterator[Client]:
    client = Client(laboratory, "admin")
    with client.http:
        yield client


@pytest.fixture
def manager(laboratory: str) -> Iterator[Client]:
    """A laboratory manager: `Manage users`, without the role Manager."""
    client = Client(laboratory, "labmanager1")
    with client.http:
        yield client


def new_contact(admin: Client, where: str = CLIENT_3) -> str:
    number = next(NUMBERS)
    form = {"obj_path": where, "obj_type": "Contact", "Firstname": "Amina", "Surname": f"Diallo {number}"}
    path: str = admin.call("create", form | {"EmailAddress": f"amina{number}@client-3.example"})["path"]
    return path


def new_user() -> str:
    return f"amina{next(NUMBERS)}"


def shown(admin: Client, user_id: str) -> dict[str, object]:
    user: dict[str, object] = succeeded(admin.get("users", {"userid": user_id}))["user"]
    return user


def events(admin: Client, uid: object) -> list[tuple[object, object]]:
    rows = admin.call("history", {"UID": uid})["history"]
    return [(row["event"], row["actor"]) for row in rows]


def use(link: str, password: str, confirm: str | None = None) -> requests.Response:
    parts = urlsplit(link)
    form = {"key": parse_qs(parts.query)["key"][0], "new_password": password}
    form |= {"confirm": password if confirm is None else confirm}
    return requests.post(link.partition("?")[0], data=form, timeout=ENOUGH)


def look_at(link: str) -> requests.Response:
    return requests.get(link, timeout=ENOUGH)


def test_a_contact_gets_a_log_in_that_sees_its_client_and_nothing_more(
    laboratory: str, admin: Client, manager: Client
) -> None:
    contact, user = new_contact(admin), new_user()
    made = manager.call("users", {"action": "create", "userid": user, "obj_path": contact})
    assert made["userid"] == user
    assert made["updated"] == ["fullname", "email", "person", "local_roles"]
    known = shown(admin, user)
    assert known["persons"] == [{"path": contact, "UID": admin.uid(contact)}]
    assert (known["roles"], known["groups"]) == ([], [])
    assert known["fullname"] == admin.at(contact)["title"]
    assert known["email"] == admin.at(contact)["EmailAddress"]
    assert known["local_roles"] == [{"path": CLIENT_3, "UID": admin.uid(CLIENT_3), "roles": ["Owner"]}]
    assert Client(laboratory, user, "").get("read").status_code == 401
    assert user in look_at(made["password_link"]).text
    assert use(made["password_link"], PASSWORD).status_code == 200
    own = Client(laboratory, user, PASSWORD)
    with own.http:
        assert [item["path"] for item in own.read(portal_type="Client")["objects"]] == [CLIENT_3]
        assert own.get("users").json()["type"] == "Forbidden"
        failed(own.post("users", {"action": "password_link", "userid": user}), 403, "Forbidden")
    assert events(admin, known["UID"]) == [
        ("password", user),
        ("password_link", "labmanager1"),
        ("link", "labmanager1"),
        ("create", "labmanager1"),
    ]
    assert ("grant", "labmanager1") in events(admin, admin.uid(CLIENT_3))
    secrets = made["password_link"].partition("key=")[2]
    assert secrets not in admin.post("history", {"UID": known["UID"]}).text


def test_a_link_works_once_and_ends_sessions(laboratory: str, admin: Client) -> None:
    contact, user = new_contact(admin), new_user()
    first = admin.call("users", {"action": "create", "userid": user, "obj_path": contact})["password_link"]
    assert use(first, PASSWORD).status_code == 200
    for over in (use(first, "another long one"), look_at(first)):
        assert over.status_code == 404
        assert "not valid" in over.text
    session, by_password = Client(laboratory), Client(laboratory, user, PASSWORD)
    session.log_in(user, PASSWORD)
    assert [client.get("read").status_code for client in (session, by_password)] == [200, 200]
    second = admin.call("users", {"action": "password_link", "obj_path": contact})["password_link"]
    third = admin.call("users", {"action": "password_link", "userid": user})["password_link"]
    assert look_at(second).status_code == 404
    assert [look_at(third).status_code for _ in range(2)] == [200, 200]
    assert use(third, "a newer long one").status_code == 200
    assert [client.get("read").status_code for client in (session, by_password)] == [401, 401]
    assert Client(laboratory, user, "a newer long one").get("read").status_code == 200


@pytest.mark.parametrize(
    ("password", "confirm", "text"),
    [("short", "short", "at least 8"), (PASSWORD, f"{PASSWORD}s", "twice"), ("", "", "at least 8")],
)
def test_a_password_against_the_rule_leaves_the_link_as_it_is(
    admin: Client, password: str, confirm: str, text: str
) -> None:
    link = admin.call("users", {"action": "create", "userid": new_user(), "obj_path": new_contact(admin)})
    refused = use(link["password_link"], password, confirm)
    assert refused.status_code == 422
    assert text in refused.text
    assert look_at(link["password_link"]).status_code == 200


def test_a_link_is_over_once_the_password_is_changed_or_the_user_disabled(admin: Client) -> None:
    user = new_user()
    link = admin.call("users", {"action": "create", "userid": user})["password_link"]
    admin.call("users", {"action": "disable", "userid": user})
    assert look_at(link).status_code == 404
    failed(admin.post("users", {"action": "password_link", "userid": user}), 409, "Conflict")
    admin.call("users", {"action": "enable", "userid": user})
    assert look_at(link).status_code == 404


def test_links_are_not_made_by_get(admin: Client) -> None:
    refused = failed(admin.get("users", {"action": "password_link", "userid": "rita"}), 400, "BadRequest")
    assert "POST" in refused["message"]


def test_a_form_of_another_site_sets_no_password(admin: Client) -> None:
    link = admin.call("users", {"action": "create", "userid": new_user()})["password_link"]
    form = {"key": link.partition("key=")[2], "new_password": PASSWORD}
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert requests.post(link.partition("?")[0], data=form, headers=headers, timeout=ENOUGH).status_code == 403
    assert look_at(link).status_code == 200


def test_unlinking_takes_the_local_role_and_leaves_the_user(admin: Client, manager: Client) -> None:
    contact, user = new_contact(admin), new_user()
    manager.call("users", {"action": "create", "userid": user, "obj_path": contact})
    failed(manager.post("users", {"action": "unlink", "obj_path": contact, "userid": "rita"}), 409, "Conflict")
    done = manager.call("users", {"action": "unlink", "obj_path": contact})
    assert (done["userid"], done["updated"]) == (user, ["person", "local_roles"])
    known = shown(admin, user)
    assert (known["local_roles"], known["persons"], known["active"]) == ([], [], True)
    assert admin.at(contact)["Username"] == ""
    assert manager.call("users", {"action": "unlink", "obj_path": contact})["updated"] == []
    linked = manager.call("users", {"action": "link", "userid": user, "obj_path": contact})
    assert linked["updated"] == ["person", "local_roles"]
    assert manager.call("users", {"action": "link", "userid": user, "obj_path": contact})["updated"] == []
    assert admin.at(contact)["Username"] == user


@pytest.mark.parametrize("way", ["remove", "update", "update_many"])
def test_the_local_role_ends_with_the_link_by_whatever_way(admin: Client, way: str) -> None:
    contact, user = new_contact(admin), new_user()
    admin.call("users", {"action": "create", "userid": user, "obj_path": contact})
    uid = admin.uid(contact)
    planned = {
        "remove": ("remove", {"UID": uid}),
        "update": ("update", {"obj_path": contact, "Username": ""}),
        "update_many": ("update_many", {"input_values": {contact: {"Username": "somebody"}}}),
    }
    method, body = planned[way]
    trial = succeeded(admin.json(method, {**body, "dry_run": True}))
    revoked = [change for change in trial["plan"]["changes"] if change["event"] == "revoke"]
    assert [(change["path"], change["fields"]) for change in revoked] == [
        (CLIENT_3, [{"field": "local_roles", "old": {user: ["Owner"]}, "new": {user: []}}])
    ]
    assert shown(admin, user)["local_roles"] != []
    succeeded(admin.json(method, body))
    assert shown(admin, user)["local_roles"] == []
    assert events(admin, admin.uid(CLIENT_3))[0] == ("revoke", "admin")


def test_the_local_role_stays_when_another_contact_of_the_client_takes_the_user_over(admin: Client) -> None:
    contact, twin, user = new_contact(admin), new_contact(admin), new_user()
    admin.call("users", {"action": "create", "userid": user, "obj_path": contact})
    succeeded(admin.json("update_many", {"input_values": {contact: {"Username": ""}, twin: {"Username": user}}}))
    assert [grant["path"] for grant in shown(admin, user)["local_roles"]] == [CLIENT_3]  # type: ignore[union-attr]
    admin.call("remove", {"UID": admin.uid(contact)})
    assert [grant["path"] for grant in shown(admin, user)["local_roles"]] == [CLIENT_3]  # type: ignore[union-attr]
    admin.call("remove", {"UID": admin.uid(twin)})
    assert shown(admin, user)["local_roles"] == []


def test_log_ins_of_several_contacts_are_written_at_once_as_one_is(admin: Client) -> None:
    contacts, users = [new_contact(admin) for _ in range(3)], [new_user() for _ in range(3)]
    for contact, user in zip(contacts, users, strict=True):
        admin.call("users", {"action": "create", "userid": user, "obj_path": contact})
    first, second, third = contacts
    # One after the other a user would be that of two contacts in between.
    swapped = {first: {"Username": users[1]}, second: {"Username": users[0]}, third: {"Username": ""}}
    succeeded(admin.json("update_many", {"input_values": swapped}))
    assert [admin.at(contact)["Username"] for contact in contacts] == [users[1], users[0], ""]
    assert [len(shown(admin, user)["local_roles"]) for user in users] == [1, 1, 0]  # type: ignore[arg-type]
    find = {"portal_type": "Contact", "UID": [admin.uid(contact) for contact in contacts]}
    succeeded(admin.json("update", {"criteria": find, "fields": {"Username": ""}}))
    assert [admin.at(contact)["Username"] for contact in contacts] == ["", "", ""]
    assert [shown(admin, user)["local_roles"] for user in users] == [[], [], []]


@pytest.mark.parametrize("way", ["remove", "unlink", "link", "grants", "disable"])
def test_what_changes_a_log_in_is_undone_but_never_a_password(admin: Client, way: str) -> None:
    contact, user = new_contact(admin), new_user()
    made = admin.post("users", {"action": "create", "userid": user, "obj_path": contact})
    if way == "link":
        admin.call("users", {"action": "unlink", "obj_path": contact})
    uid, before = admin.uid(contact), (shown(admin, user), admin.at(contact)["Username"])
    method, form = {
        "remove": ("remove", {"UID": uid}),
        "unlink": ("users", {"action": "unlink", "obj_path": contact}),
        "link": ("users", {"action": "link", "userid": user, "obj_path": contact}),
        "grants": ("grants", {"action": "take", "userid": user, "obj_path": CLIENT_3, "local_role": "Owner"}),
        "disable": ("users", {"action": "disable", "userid": user}),
    }[way]
    done = admin.post(method, form)
    succeeded(done)
    request_id = done.headers["X-Request-Id"]
    after = shown(admin, user)
    plan = admin.call("undo", {"request_id": request_id, "dry_run": "1"})["plan"]["changes"]
    assert len({(change["event"], change["UID"]) for change in plan}) == len(plan) > 0
    assert shown(admin, user) == after != before[0]
    undone = admin.call("undo", {"request_id": request_id})
    assert {change["event"] for change in undone["access"]} <= {change["event"] for change in plan}
    assert (shown(admin, user), admin.at(contact)["Username"]) == before
    link = admin.post("users", {"action": "password_link", "userid": user}, headers={"Prefer": "http-status"})
    for never in (made, link) if way == "unlink" else ():
        succeeded(never)
        refused = failed(admin.post("undo", {"request_id": never.headers["X-Request-Id"]}), 409, "Conflict")
        assert "users?action=" in refused["message"]


def test_a_user_is_the_log_in_of_one_contact_whatever_writes_it(admin: Client) -> None:
    contact, other, user, free = new_contact(admin), new_contact(admin), new_user(), new_user()
    admin.call("users", {"action": "create", "userid": user, "obj_path": contact})
    find = {"portal_type": "Contact", "UID": [admin.uid(contact), admin.uid(other)]}
    person = {"obj_path": CLIENT_3, "obj_type": "Contact", "Firstname": "A", "Surname": new_user()}
    for method, body in (
        ("update", {"obj_path": other, "Username": user}),
        ("update_many", {"input_values": {other: {"Username": user}}}),
        ("update_many", {"input_values": {contact: {"Username": free}, other: {"Username": free}}}),
        ("update", {"criteria": find, "fields": {"Username": free}}),
        ("create", {**person, "EmailAddress": f"{user}@client-3.example", "Username": user}),
    ):
        refused = failed(admin.json(method, body), 422, "ValidationError")
        assert "Username '" in refused["message"] and "is that of" in refused["message"]
    assert [admin.at(path)["Username"] for path in (contact, other)] == [user, ""]


def test_a_link_is_one_to_one(admin: Client) -> None:
    contact, other, user = new_contact(admin), new_contact(admin), new_user()
    admin.call("users", {"action": "create", "userid": user, "obj_path": contact})
    for body in ({"userid": user, "obj_path": other}, {"userid": "analyst2", "obj_path": contact}):
        failed(admin.post("users", {"action": "link", **body}), 409, "Conflict")
    failed(admin.post("users", {"action": "create", "userid": "RITA", "obj_path": other}), 409, "Conflict")
    failed(admin.post("users", {"action": "create", "userid": "x y", "obj_path": other}), 422, "ValidationError")
    failed(admin.post("users", {"action": "link", "userid": user, "obj_path": CLIENT_3}), 422, "ValidationError")
    failed(admin.post("users", {"action": "link", "userid": "ghost", "obj_path": other}), 404, "NotFound")
    admin.call("doActionFor_many", {"obj_paths": other, "action": "deactivate"})
    failed(admin.post("users", {"action": "create", "userid": new_user(), "obj_path": other}), 409, "Conflict")


def test_who_lacks_manager_is_held_to_contacts(admin: Client, manager: Client) -> None:
    contact, user = new_contact(admin), new_user()

    def refused(**form: str) -> None:
        failed(manager.post("users", form), 403, "Forbidden")

    refused(action="create", userid=user)
    refused(action="create", userid=user, obj_path=contact, role="Verifier")
    refused(action="create", userid=user, obj_path=contact, group="LabManagers")
    refused(action="password_link", userid="admin")
    refused(action="password_link", userid="analyst2")
    refused(action="password_link", userid="labmanager1")
    refused(action="link", userid="labmanager1", obj_path=contact)
    refused(action="link", userid="publisher1", obj_path=contact)
    assert manager.call("users", {"action": "password_link", "userid": "rita"})["password_link"]
    # Whoever names a user on a contact gains nothing by it.
    manager.call("update", {"obj_path": contact, "Username": "admin"})
    refused(action="password_link", obj_path=contact)
    failed(manager.post("update", {"obj_path": contact, "Username": "pavel"}), 422, "ValidationError")
    assert shown(admin, "pavel")["site_roles"] == ["Client", "Member"]
    admin.call("grants", {"action": "give", "userid": "pavel", "local_role": "Owner", "obj_path": "/batches"})
    refused(action="password_link", userid="pavel")
    admin.call("grants", {"action": "take", "userid": "pavel", "local_role": "Owner", "obj_path": "/batches"})
    manager.call("update", {"obj_path": contact, "Username": ""})


@pytest.mark.parametrize("caller", ["rita", "clerk1", "analyst1"])
def test_others_manage_no_log_ins(laboratory: str, admin: Client, caller: str) -> None:
    client = Client(laboratory, caller)
    with client.http:
        path = "/Plone/clients/client-1/contact-1"
        for form in (
            {"action": "create", "userid": new_user(), "obj_path": path},
            {"action": "password_link", "obj_path": path},
            {"action": "unlink", "obj_path": path},
        ):
            failed(client.post("users", form), 403, "Forbidden")
        failed(client.post("update", {"obj_path": path, "Username": caller}), 403)


def test_a_link_is_void_once_its_user_is_given_more_by_another(admin: Client, manager: Client) -> None:
    contact, user = new_contact(admin), new_user()
    by_manager = manager.call("users", {"action": "create", "userid": user, "obj_path": contact})["password_link"]
    admin.call("grants", {"action": "give", "userid": user, "role": "Verifier"})
    assert look_at(by_manager).status_code == 404
    own = admin.call("users", {"action": "password_link", "userid": user})["password_link"]
    admin.call("grants", {"action": "give", "userid": user, "role": "Publisher"})
    assert look_at(own).status_code == 200


def test_a_dry_run_makes_nothing_and_tells_everything(admin: Client) -> None:
    contact, user = new_contact(admin), new_user()
    form = {"action": "create", "userid": user, "obj_path": contact, "dry_run": "1"}
    trial = admin.call("users", form)
    assert "password_link" not in trial
    planned = [(change["event"], change["path"]) for change in trial["plan"]["changes"]]
    assert planned == [
        ("update", contact),
        ("create", f"/Plone/@@users/{user}"),
        ("link", f"/Plone/@@users/{user}"),
        ("grant", CLIENT_3),
    ]
    failed(admin.get("users", {"userid": user}), 404, "NotFound")
    failed(admin.post("users", form | {"userid": "rita"}), 409, "Conflict")


def test_name_and_address_are_changed(admin: Client) -> None:
    user = new_user()
    admin.call("users", {"action": "create", "userid": user, "fullname": "A", "email": "a@lab.example"})
    changed = admin.call("users", {"action": "change", "userid": user, "fullname": "B"})
    assert changed["updated"] == ["fullname"]
    assert (shown(admin, user)["fullname"], shown(admin, user)["email"]) == ("B", "a@lab.example")
    failed(admin.post("users", {"action": "change", "userid": user}), 400, "BadRequest")
    failed(admin.post("users", {"action": "disable", "userid": user, "fullname": "C"}), 400, "BadRequest")
