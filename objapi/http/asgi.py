"""A WSGI application behind an ASGI server: whole requests are answered in threads, what is slow is left to the loop.

The event loop reads bodies, and sends the pieces of streamed answers at the pace of their clients. A client holds a
thread while a streamed answer is sent to it, and none before; one that takes nothing of it for long is broken off.
Streams of events hold none: the loop follows them, see `event_streams`.
"""

import asyncio
import errno
import logging
import os
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from objapi.errors import ApiError, BadRequest
from objapi.http.event_streams import EVENTS, EventStream
from objapi.http.exchange import EARLY_REFUSAL
from objapi.http.request_bodies import BodyLimits, ClientGone, Message, Receive, RequestBodies
from objapi.http.threads import RequestThreads
from objapi.security.origins import client_address
from objapi.settings import Settings

_log = logging.getLogger("objapi.requests")
_T = TypeVar("_T")

Scope = dict[str, Any]
"""The scope of an ASGI connection."""

Send = Callable[[Message], Awaitable[None]]

Observe = Callable[[WSGIEnvironment, float], None]
"""Called in the thread of each answered request, with the seconds since the request was whole."""

_CLOSE: Final = (b"connection", b"close")
# Open files of this process, on Linux and its like.
_OPEN_FILES: Final = Path("/dev/fd")
# Seconds for which the server's own threads may still use the interpreter when all requests are answered.
_LAST_SECONDS: Final = 0.1
# Seconds for which the task of an answered request may go on, when no other request comes.
_SWEEP_SECONDS: Final = 0.5


class _ClientStalled(Exception):
    """The client has taken nothing of a streamed answer for too long."""


class WsgiBridge:
    """ASGI application that answers as a WSGI application does (PEP 3333), which gets its requests whole.

    A body that was refused is not there; the environment holds the reason, and the answer ends the connection.
    """

    def __init__(self, application: WSGIApplication, settings: Settings, threads: int, observe: Observe) -> None:
        self._application = application
        self._observe = observe
        self._bodies = RequestBodies(BodyLimits.of_settings(settings))
        self._networks = settings.trusted_proxies
        self._stall_limit = settings.stream_stall_limit
        self._threads = RequestThreads(threads)
        self._answered: deque[asyncio.Future[None]] = deque()
        self._running = 0
        self._sweeps = False
        self._closing = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the start and end of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        environ = make_environ(scope)
        if not _has_body(environ):
            await self._answer(scope, environ, receive, send, closes=False)
            return
        unread = await self._read_body(environ, receive)
        # Asked before the answer: what the application refuses itself is discarded like any other body.
        refused = EARLY_REFUSAL in environ
        await self._answer(scope, environ, receive, send, closes=unread)
        if unread and not refused and "HTTP_EXPECT" not in environ:
            await self._bodies.discard(self._address(environ), receive)

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol of ASGI. The end waits for the server's own threads."""
        self._loop = asyncio.get_running_loop()
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        self._finish_answered()
        await asyncio.sleep(_LAST_SECONDS)
        await send({"type": "lifespan.shutdown.complete"})

    def end_streams(self) -> None:
        """End all streams of events, since the server stops; called in any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing.set)

    async def _read_body(self, environ: WSGIEnvironment, receive: Receive) -> bool:
        """Put the body into the environment; true when it was not read to its end."""
        length = str(environ.get("CONTENT_LENGTH", ""))
        declared = int(length) if length.isdigit() else None
        if declared is not None and self._bodies.exceeds(declared):
            return True
        try:
            environ["wsgi.input"], size = await self._bodies.read(self._address(environ), receive, declared)
        except ApiError as refusal:
            environ[EARLY_REFUSAL] = refusal
            return True
        except ClientGone:
            # The server does not tell a closed connection from malformed chunks.
            environ[EARLY_REFUSAL] = BadRequest("The body of the request broke off, or its chunks are malformed.")
            return True
        # The length is known now, however the body was sent.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(size)
        return self._bodies.exceeds(size)

    def _address(self, environ: WSGIEnvironment) -> str:
        return client_address(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR"), self._networks)

    async def _answer(
        self, scope: Scope, environ: WSGIEnvironment, receive: Receive, send: Send, *, closes: bool
    ) -> None:
        self._finish_answered()
        response = _Response(scope, receive, send, closes, self._answered, self._stall_limit)
        self._threads.submit(lambda: response.run(self._application, environ, self._observe))
        self._running += 1
        if not self._sweeps:
            self._sweeps = True
            asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)
        try:
            await response.done
            if response.events is not None:
                await self._follow(response.start, response.events, receive, send)
        finally:
            self._running -= 1
            if response.events is not None:
                response.events.end()

    async def _follow(self, start: Message, stream: EventStream, receive: Receive, send: Send) -> None:
        """Send a stream of events until it ends, or its client takes nothing of it for too long."""
        pieces = stream.follow(self._in_thread, receive, self._closing)
        try:
            async with aclosing(pieces):
                await asyncio.wait_for(send(start), self._stall_limit)
                async for piece in pieces:
                    await asyncio.wait_for(send(_piece(piece, more=True)), self._stall_limit)
            await asyncio.wait_for(send(_piece(b"", more=False)), self._stall_limit)
        except TimeoutError:
            _log.warning("A stream of events was broken off: its client took nothing of it for too long.")

    def _in_thread(self, work: Callable[[], _T]) -> Awaitable[_T]:
        """Result of some work, which one of the threads for requests does."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[_T] = loop.create_future()

        def run() -> None:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                loop.call_soon_threadsafe(_fail, result, error)
            else:
                loop.call_soon_threadsafe(_finish, result, found)

        self._threads.submit(run)
        return result

    def _finish_answered(self) -> None:
        while self._answered:
            _finish(self._answered.popleft(), None)

    def _sweep(self) -> None:
        """Finish what was answered, again and again as long as there is something to wait for."""
        self._finish_answered()
        self._sweeps = self._running > 0
        if self._sweeps:
            asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._sweep)


class _Response:
    """The answer to one request, made in a thread. `done` is a future of the event loop that made this."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        closes: bool,
        answered: "deque[asyncio.Future[None]]",
        stall_limit: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._scope = scope
        self._receive = receive
        self._send = send
        self._closes = closes
        self._answered = answered
        self._stall_limit = stall_limit
        self._gone = False
        self._whole = False
        self._begun = time.perf_counter()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self.events: EventStream | None = None
        """The stream with which the answer goes on, which the event loop follows."""
        self.start: Message = {}
        """The head of such an answer."""

    def run(self, application: WSGIApplication, environ: WSGIEnvironment, observe: Observe) -> None:
        """Call the application and send its answer; a failure is logged, and the server answers 500 or breaks off."""
        try:
            self._run(application, environ)
        except _ClientStalled:
            _log.warning("An answer was broken off: its client took nothing of it for %g s.", self._stall_limit)
        except Exception:  # noqa: BLE001 - the outermost place; whatever it is gets logged
            _log.exception("An answer could not be made, or broke off.")
        finally:
            if self._whole and not self._closes:
                # The client has its answer. To wake the event loop for the end of a task would cost as much again.
                self._answered.append(self.done)
            else:
                self._loop.call_soon_threadsafe(self._finish)
            self._count(environ, observe)

    def _finish(self) -> None:
        if self.done.done() and self.events is not None:
            # The task was cancelled meanwhile: nobody follows the stream.
            self.events.end()
        _finish(self.done, None)

    def _count(self, environ: WSGIEnvironment, observe: Observe) -> None:
        """Have the request counted. The client has its answer by now, and waits for none of this."""
        try:
            observe(environ, time.perf_counter() - self._begun)
        except OSError as error:
            _log.warning("A request could not be counted: %s", error)

    def _run(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            # The last call holds: an error handler may start anew as long as nothing was sent.
            started[:] = [(status, headers)]

        chunks: Iterable[bytes] = ()
        try:
            chunks = application(environ, start_response)
            stream: EventStream | None = environ.pop(EVENTS, None)
            if stream is not None:
                self.start = self._head(*started[0], left_out=b"content-length")
                stream.take()
                self.events = stream
                return
            is_list = isinstance(chunks, list)
            pieces = iter([b"".join(chunks)] if is_list else chunks)
            # A generator may call start_response with its first piece, and that may be empty.
            first = next(filter(None, pieces), b"")
            self._respond(*started[0], first, pieces, whole=is_list)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
            environ["wsgi.input"].close()

    def _respond(
        self, status: str, headers: list[tuple[str, str]], first: bytes, rest: Iterator[bytes], *, whole: bool
    ) -> None:
        start = self._head(status, headers)
        whole = whole or not first or (b"content-length", b"%d" % len(first)) in start["headers"]
        if whole:
            # There is nothing to wait for: granian takes a whole answer from any thread.
            self._send(start)
            self._send(_piece(first, more=False))
            self._whole = True
        else:
            self._stream(start, first, rest)

    def _head(self, status: str, headers: list[tuple[str, str]], left_out: bytes = b"") -> Message:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        if self._closes:
            encoded.append(_CLOSE)
        kept = [header for header in encoded if header[0] != left_out]
        return {"type": "http.response.start", "status": int(status[:3]), "headers": kept}

    def _stream(self, start: Message, first: bytes, rest: Iterator[bytes]) -> None:
        """Send pieces as fast as the client takes them, and no more of them once it has gone.

        When one cannot be made the connection is cut, or the client would take the answer for a whole one.
        """
        watch = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)
        try:
            self._wait(self._pass_on(start))
            self._wait(self._pass_on(_piece(first, more=True)))
            for piece in rest:
                if self._gone:
                    return
                self._wait(self._pass_on(_piece(piece, more=True)))
            self._wait(self._pass_on(_piece(b"", more=False)))
        except BaseException:
            _cut_connection(self._scope)
            raise
        finally:
            watch.cancel()

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        passed_on = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            passed_on.result(self._stall_limit)
        except TimeoutError:
            passed_on.cancel()
            raise _ClientStalled from None

    async def _pass_on(self, message: Message) -> None:
        await self._send(message)

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._gone = True


def _finish(done: asyncio.Future[_T], result: _T) -> None:
    # One whose task was cancelled must not fail the request or sweep that finishes the others.
    if not done.done():
        done.set_result(result)


def _fail(done: asyncio.Future[_T], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _cut_connection(scope: Scope) -> None:
    """Shut the connection of a request down; granian has no message for it, and ends what broke off in order."""
    # The address of a server that listens on all of them is not the one of the connection.
    client, port = tuple(scope["client"]), scope["server"][1]
    try:
        numbers = [int(file.name) for file in _OPEN_FILES.iterdir()]
    except OSError as error:
        _tell_uncut(os.strerror(error.errno or 0))
        return
    for number in numbers:
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            # Of a copy: the server may close its own meanwhile, and open another of that number.
            with socket.socket(fileno=os.dup(number)) as connection:
                if connection.getpeername()[:2] == client and connection.getsockname()[1] == port:
                    connection.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            # Closed meanwhile, or a socket that listens; or there is no descriptor left for the copy.
            if error.errno in (errno.EMFILE, errno.ENFILE):
                _tell_uncut(os.strerror(error.errno))
                return


@cache
def _tell_uncut(why: str) -> None:
    """Log, once in a process for each reason, that connections are not cut."""
    _log.error(
        "an answer that broke off could not be cut (%s): its reader may take it for whole. "
        "Raise the number of open files, or serve fewer connections.",
        why,
    )


def make_environ(scope: Scope) -> WSGIEnvironment:
    """The WSGI environment of a request, with an empty input. Headers sent more than once are joined by commas.

    Headers with an underscore are left out: their names would be those of others, with a hyphen.
    """
    host, port = scope["server"]
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
        # Of a body that is there the length is known.
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = _environ_key(name)
        if not key:
            continue
        text = value.decode("latin-1")
        if key in environ:
            text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
        environ[key] = text
    return environ


@lru_cache(maxsize=256)
def _environ_key(name: bytes) -> str:
    """The key of a header in the WSGI environment, empty for one that is left out."""
    if b"_" in name:
        return ""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _has_body(environ: WSGIEnvironment) -> bool:
    return environ.get("CONTENT_LENGTH", "0") not in ("", "0") or "HTTP_TRANSFER_ENCODING" in environ
