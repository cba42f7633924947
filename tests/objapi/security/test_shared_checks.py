"""Equal checks at once are one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from objapi.errors import TooManyAttempts
from objapi.security.shared_checks import SharedChecks
from tests.waiting import ENOUGH


class Key:
    """A key, equal to every other, that tells when it is looked up."""

    def __init__(self) -> None:
        self.looked_up = Event()

    def __hash__(self) -> int:
        self.looked_up.set()
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key)


def test_equal_checks_at_once_run_once_and_others_do_not_wait() -> None:
    shared, begun, go_on, runs = SharedChecks(), Event(), Event(), []

    def check() -> str:
        runs.append(1)
        begun.set()
        assert go_on.wait(ENOUGH)
        return "right"

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.run, Key(), check)
        assert begun.wait(ENOUGH)
        keys = [Key(), Key()]
        others = [pool.submit(shared.run, key, check) for key in keys]
        assert all(key.looked_up.wait(ENOUGH) for key in keys)
        assert shared.run("other", lambda: "at once") == "at once"
        go_on.set()
        assert [future.result(ENOUGH) for future in (first, *others)] == ["right"] * 3
    assert runs == [1]
    assert shared.run(Key(), lambda: "later") == "later"


def test_a_failure_is_raised_for_everybody_and_not_remembered() -> None:
    shared = SharedChecks()

    def fail() -> str:
        raise TooManyAttempts("wait", retry_after=1)

    with pytest.raises(TooManyAttempts):
        shared.run("mine", fail)
    assert shared.run("mine", lambda: "right") == "right"
