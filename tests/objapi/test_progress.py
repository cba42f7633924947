import io

import pytest

from objapi import progress as module
from objapi.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_at_the_beginning_and_at_the_end() -> None:
    log = io.StringIO()
    with progress("Loading content", 300, log) as advance:
        for _ in range(3):
            advance(100)
    assert log.getvalue() == "Loading content: 0 of 300\nLoading content: 300 of 300\n"


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    log = io.StringIO()
    with progress("Loading content", 2, log) as advance:
        advance(1)
    assert log.getvalue().splitlines()[1] == "Loading content: 1 of 2"


def test_a_log_does_not_claim_the_end_of_work_that_failed() -> None:
    log = io.StringIO()
    with pytest.raises(OSError, match="disk full"), progress("Loading content", 2, log) as advance:
        advance(1)
        raise OSError("disk full")
    assert log.getvalue() == "Loading content: 0 of 2\n"


def test_a_terminal_gets_a_bar() -> None:
    terminal = Terminal()
    with progress("Loading content", 4, terminal) as advance:
        advance(4)
    assert "Loading content  [####" in terminal.getvalue()
    assert "4/4" in terminal.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_of_no_work_nothing_is_shown(stream: type[io.StringIO]) -> None:
    target = stream()
    with progress("Moving the history", 0, target) as advance:
        advance(0)
    assert target.getvalue() == ""
