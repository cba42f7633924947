"""Webhooks deliver the feed by the rights of their owners: at least once, in order, and go on where they were."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks import Webhook as Verifier

from objapi.errors import Conflict, Forbidden, InsufficientScope, NotFound, ValidationError
from objapi.model.token_scope import TokenScope
from objapi.security.tables import users
from objapi.settings import Settings
from objapi.site import Site
from objapi.store.schema import site_state
from objapi.store.trail.reading import AuditSearch
from objapi.store.transaction import Transaction
from objapi.webhooks.administration import MOST, WebhookAdministration, WebhookWish
from objapi.webhooks.deliverer import IDLE_SECONDS, LEASE_ROW, POLL_SECONDS, Deliverer
from objapi.webhooks.delivery import deliver, prepare, send_test
from objapi.webhooks.stored import GIVEN_UP_AFTER, PAUSES, Webhook, list_webhooks
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.objapi.webhooks.receiver import Receiver, receiver
from tests.waiting import wait_until

SECOND = 1_000_000
_numbers = count(1)


@pytest.fixture(scope="module")
def there() -> Iterator[Receiver]:
    with receiver() as found, pytest.MonkeyPatch.context() as patch:
        # Proxies of the environment are none of the gateway's business.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            patch.setenv(name, "http://127.0.0.1:9")
        yield found


@pytest.fixture(scope="module")
def module_gateway(
    module_database_url: str, there: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    hosts = (there.place, "hooks.example.org")
    site = open_site(module_database_url, tmp_path_factory.mktemp("hooks"), webhook_hosts=hosts)
    gateway = Gateway.on(site)
    gateway.add_users(USERS)
    yield gateway
    site.close()


@pytest.fixture
def gateway(module_gateway: Gateway, there: Receiver) -> Iterator[Gateway]:
    there.statuses, there.received = [204], []
    yield module_gateway
    for hook in hooks(module_gateway):
        administer(module_gateway, "boss", lambda own, hook=hook: own.remove(hook.id))


def administer(gateway: Gateway, user: str, work: Any, *, write: bool = True) -> Any:
    gateway.site.number_requests()
    settings: Settings = gateway.site.settings
    return gateway.run(user, lambda tx: work(WebhookAdministration(tx, settings)), write=write)


def add(gateway: Gateway, there: Receiver, user: str = "boss", **wish: Any) -> Webhook:
    wanted = WebhookWish(f"http://{there.place}/in", **wish)
    made: Webhook = administer(gateway, user, lambda own: own.add(wanted)[0])
    return made


def hooks(gateway: Gateway) -> list[Webhook]:
    return gateway.site.transact(list_webhooks, write=False)


def stored(gateway: Gateway, hook: Webhook) -> Webhook:
    return next(found for found in hooks(gateway) if found.id == hook.id)


def deliver_next(gateway: Gateway, hook: Webhook) -> Webhook:
    """Deliver as the thread does, from what is stored; what is stored then."""
    gateway.site.number_requests()
    before = stored(gateway, hook)
    deliver(gateway.site, before, before.place)
    return stored(gateway, hook)


def make(gateway: Gateway, portal_type: str = "Person", user: str = "boss") -> str:
    return gateway.create(user, portal_type, "/", title=f"{portal_type} {next(_numbers)}").path


def told(there: Receiver) -> list[str]:
    """The paths in all messages, in order."""
    return [change["path"] for message in there.messages() for change in message["data"]["changes"]]


def test_changes_come_in_order_signed_and_once(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there, types=("Person",))
    secret = administer(gateway, "boss", lambda own: own.secret(hook), write=False)
    made = [make(gateway), make(gateway)]
    make(gateway, "Label")
    after = deliver_next(gateway, hook)
    ((headers, body),) = there.received
    (message,) = there.messages()
    Verifier(secret).verify(body, headers)
    assert (message["type"], message["data"]["hook"], message["data"]["site"]) == ("changes", hook.id, "Plone")
    assert (told(there), message["data"]["cursor"]) == (made, after.place)
    assert (after.outcome, after.failures, after.stopped) == ("status 204", 0, None)
    assert deliver_next(gateway, hook).place == after.place
    assert len(there.received) == 1


def test_a_message_that_failed_is_sent_again_under_its_id_and_what_follows_after_it(
    gateway: Gateway, there: Receiver
) -> None:
    hook = add(gateway, there, types=("Person",))
    there.statuses = [500, 503, 204]
    first = make(gateway)
    failed = deliver_next(gateway, hook)
    assert (failed.failures, failed.outcome, failed.place) == (1, "status 500", hook.place)
    second = make(gateway)
    failed = deliver_next(gateway, hook)
    assert (failed.failures, failed.outcome) == (2, "status 503")
    assert deliver_next(gateway, hook).failures == 0
    deliver_next(gateway, hook)
    assert told(there) == [first, first, first, second]
    assert len(set(there.ids()[:3])) == 1
    assert there.ids()[3] != there.ids()[0]


def test_a_hook_tells_what_its_owner_may_see_and_stops_when_that_is_nobody(gateway: Gateway, there: Receiver) -> None:
    team = gateway.create("boss", "Team", "/", title=f"Team {next(_numbers)}").path
    maker = make(gateway)
    hook = add(gateway, there, path=team)
    owner = replace(hook, owner="anna")
    thing = gateway.create("mia", "Thing", team, title="Seen", Maker=maker).path
    gateway.update("boss", thing, Secret="x", Count=1)
    gateway.act("mia", "hide", thing)
    gateway.site.number_requests()
    of_boss, of_anna = (prepare(gateway.site, each, hook.place).changes for each in (hook, owner))
    assert [change["kinds"] for change in of_boss] == [["create"], ["update"], ["transition"]]
    # As of now Anna sees it no more; of the earlier changes she is told what the feed tells her.
    assert [change["kinds"] for change in of_anna] != [change["kinds"] for change in of_boss]
    assert "Secret" not in str(of_anna)
    gateway.site.transact(lambda connection: connection.execute(_active("boss", 0)), write=True)
    try:
        stopped = deliver_next(gateway, hook)
    finally:
        gateway.site.transact(lambda connection: connection.execute(_active("boss", 1)), write=True)
    assert (stopped.stopped, there.received) == ("its owner boss is disabled", [])
    (entry,) = _trail(gateway, "webhook_stop")[:1]
    assert entry["changes"]["webhook"]["new"] == {"hook": hook.id, "stopped": stopped.stopped}
    administer(gateway, "boss", lambda own: own.replay(hook.id, None))
    assert deliver_next(gateway, hook).stopped is None
    assert len(there.received) == 1


def test_a_hook_tells_of_what_is_hidden_as_of_what_never_was(gateway: Gateway, there: Receiver) -> None:
    team = gateway.create("boss", "Team", "/", title=f"Team {next(_numbers)}").path
    thing = gateway.create("mia", "Thing", team, title="Hidden", Maker=make(gateway)).path
    gateway.act("mia", "hide", thing)
    hook = add(gateway, there)
    gateway.update("boss", thing, Count=2)
    gateway.site.number_requests()
    assert [change["path"] for change in prepare(gateway.site, hook, hook.place).changes] == [thing]
    paths = (None, thing, f"{thing}/nothing", f"{thing}-too")
    of_anna = [prepare(gateway.site, replace(hook, owner="anna", path=path), hook.place) for path in paths]
    assert (of_anna[0].changes, of_anna) == ((), [of_anna[0]] * len(paths))


def _active(user: str, active: int) -> sa.Update:
    return sa.update(users).where(users.c.id == user).values(active=active)


def _trail(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    gateway.site.number_requests()
    page = gateway.run("boss", lambda tx: tx.audit(AuditSearch(kinds=(kind,)), 10, None))
    return [dict(entry) for entry in page.entries]


def test_a_receiver_that_is_gone_stops_its_hook(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there)
    there.statuses = [410]
    make(gateway)
    assert "wants nothing more" in str(deliver_next(gateway, hook).stopped)


def test_an_address_that_is_no_longer_allowed_stops_the_hook(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there)
    make(gateway)
    gateway.site.number_requests()
    other = replace(gateway.site, settings=replace(gateway.site.settings, webhook_hosts=("hooks.example.org",)))
    found = deliver(other, hook, hook.place)
    assert "is not among OBJAPI_WEBHOOK_HOSTS" in str(found.hook.stopped)
    assert there.received == []


def test_a_replay_goes_on_from_any_place(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there, types=("Label",))
    made = make(gateway, "Label")
    deliver_next(gateway, hook)
    administer(gateway, "boss", lambda own: own.replay(hook.id, hook.place))
    deliver_next(gateway, hook)
    assert told(there) == [made, made]
    assert len(set(there.ids())) == 1
    with pytest.raises(NotFound, match="no webhook"):
        administer(gateway, "boss", lambda own: own.replay("unknown", None))


def test_the_pauses_grow_until_the_hook_is_given_up() -> None:
    hook = Webhook("h", "boss", "https://hooks.example.org/", "", (), None, 0, "p", 0)
    now, attempts = 10 * SECOND, 0
    while hook.stopped is None:
        before = now
        hook = hook.failed("status 500", "cursor", now)
        now = hook.due
        attempts += 1
        if attempts <= len(PAUSES):
            assert now - before == PAUSES[attempts - 1] / timedelta(microseconds=1)
    assert "given up after 3 days: status 500" in hook.stopped
    assert now - 10 * SECOND >= GIVEN_UP_AFTER / timedelta(microseconds=1)
    assert attempts < 40
    # Somebody lets it go on: then it has all its time again.
    again = hook.resumed(hook.place, now)
    assert (again.failures, again.failing_since, again.stopped) == (0, None, None)


def test_a_hook_that_failed_before_the_clock_was_set_back_is_due() -> None:
    hook = Webhook("h", "boss", "https://hooks.example.org/", "", (), None, 0, "p", 3_600 * SECOND)
    assert hook.is_due(0)
    for _ in range(9):
        hook = hook.failed("status 500", "cursor", 3_600 * SECOND)
    assert not hook.is_due(hook.due - 1)
    assert hook.is_due(hook.due)
    assert hook.is_due(0)
    assert hook.failed("status 500", "cursor", 0).failing_since == 0


def test_managers_alone_manage_webhooks_and_no_secret_is_in_the_trail(gateway: Gateway, there: Receiver) -> None:
    for user in ("mia", "anna", "olga"):
        with pytest.raises(Forbidden, match="Manage webhooks"):
            administer(gateway, user, lambda own: own.webhooks(), write=False)
    hook = add(gateway, there, name="to the archive", types=("Label",))
    secret = administer(gateway, "boss", lambda own: own.secret(hook), write=False)
    administer(gateway, "boss", lambda own: own.replay(hook.id, "0"))
    administer(gateway, "boss", lambda own: own.remove(hook.id))
    for kind in ("webhook_add", "webhook_replay", "webhook_remove"):
        entry = _trail(gateway, kind)[0]
        assert (entry["actor"], hook.id in str(entry["changes"])) == ("boss", True)
    everything = str(gateway.dump())
    assert secret not in everything
    assert secret.removeprefix("whsec_") not in everything


def test_all_that_is_wrong_with_a_wish_is_said_at_once(gateway: Gateway, there: Receiver) -> None:
    wish = WebhookWish("https://evil.example.org/", "a\nb", ("Persn",), "/a//b")
    with pytest.raises(ValidationError) as refused:
        administer(gateway, "boss", lambda own: own.add(wish))
    assert [cause.name for cause in refused.value.causes] == ["url", "name", "types", "path"]


def test_a_token_makes_no_hook_and_one_with_limits_lists_none(gateway: Gateway, there: Receiver) -> None:
    def work(tx: Transaction, token: TokenScope) -> object:
        tx.user = replace(tx.user, token=token)
        return WebhookAdministration(tx, gateway.site.settings).webhooks()

    for token, write in ((TokenScope("p"), True), (TokenScope("p", types=frozenset({"Person"})), False)):
        with pytest.raises(InsufficientScope):
            gateway.run("boss", lambda tx, own=token: work(tx, own), write=write)


def test_a_test_message_is_signed_and_changes_no_place(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there)
    assert send_test(gateway.site, hook).delivered
    secret = administer(gateway, "boss", lambda own: own.secret(hook), write=False)
    ((headers, body),) = there.received
    Verifier(secret).verify(body, headers)
    assert there.messages()[0]["type"] == "test"
    assert stored(gateway, hook) == hook


def test_a_site_has_only_so_many_hooks(gateway: Gateway, there: Receiver) -> None:
    def fill(own: WebhookAdministration) -> None:
        for _ in range(MOST):
            own.add(WebhookWish(f"http://{there.place}/in"))

    administer(gateway, "boss", fill)
    with pytest.raises(Conflict, match="the most"):
        add(gateway, there)


def test_one_process_at_a_time_delivers_and_counts(gateway: Gateway, there: Receiver) -> None:
    site: Site = gateway.site
    outcomes: list[str] = []
    first, second = Deliverer(site, outcomes.append), Deliverer(site, outcomes.append)
    assert first.look() == IDLE_SECONDS
    add(gateway, there, types=("Label",))
    made = [make(gateway, "Label")]
    assert (first.look(), second.look()) == (POLL_SECONDS, IDLE_SECONDS)
    wait_until(lambda: outcomes == ["delivered"], "the delivery")
    made.append(make(gateway, "Label"))
    assert second.look() == IDLE_SECONDS
    wait_until(lambda: (first.look(), len(outcomes))[1] == 2, "the second delivery")
    assert told(there) == made
    # The first dies; once its lease has expired the second goes on.
    site.transact(lambda connection: connection.execute(_expired_lease()), write=True)
    made.append(make(gateway, "Label"))
    wait_until(lambda: (second.look(), len(outcomes))[1] == 3, "the third delivery")
    assert told(there) == made


def _expired_lease() -> sa.Update:
    return sa.update(site_state).where(site_state.c.name == LEASE_ROW).values(value="")


def test_what_is_told_to_nobody_costs_no_writing(gateway: Gateway, there: Receiver) -> None:
    hook = add(gateway, there, types=("Label",))
    make(gateway)
    gateway.site.number_requests()
    with gateway.statements.counted() as statements:
        found = deliver(gateway.site, stored(gateway, hook), hook.place)
    assert (found.hook.place, found.outcome) == (hook.place, None)
    assert found.looked != hook.place
    assert len(statements) <= 6
    assert not [text for text in statements if text.startswith(("UPDATE", "INSERT"))]
