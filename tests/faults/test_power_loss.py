"""A machine that loses its power keeps what was acknowledged, in a database that is whole."""

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from objapi.store.trail.verifying import verify_trail
from tests.databases import (
    ServerMissing,
    administer,
    fresh_sqlite_database,
    install_tables,
    program_path,
    server_command,
    wait_until_ready,
)
from tests.faults.bulk_work import Batches, Step, prepare
from tests.faults.power_loss import CompilerMissing, Disk
from tests.faults.test_kills import files_are_whole, killed, wholly_done
from tests.objapi.store.workshop import USERS, Gateway, open_site
from tests.ports import free_port
from tests.waiting import ENOUGH

POWER_LOSSES = 10

WRITES = """
import os
for name, synced in (("kept", True), ("lost", False)):
    with open(f"{name}.txt", "wb", buffering=0) as file:
        file.write(b"a" * 10_000)
        if synced:
            os.fsync(file.fileno())
folder = os.open(".", os.O_RDONLY)
os.fsync(folder)
with open("kept.txt", "r+b", buffering=0) as file:
    file.seek(5_000)
    file.write(b"b" * 10_000)
os.rename("kept.txt", "renamed.txt")
os.unlink("lost.txt")
os.write(os.open("new.txt", os.O_WRONLY | os.O_CREAT), b"new")
"""


class Least(random.Random):
    """A chance by which everything is lost that may be."""

    def random(self) -> float:
        return 1.0

    def randint(self, least: int, most: int) -> int:
        return least

    def choice(self, options: Sequence[Any]) -> Any:
        return min(options)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    (tmp_path / "disk").mkdir()
    try:
        yield Disk.at(tmp_path / "disk", tmp_path)
    except CompilerMissing as missing:
        pytest.skip(str(missing))


def test_what_was_not_synced_can_be_lost_and_the_rest_is_kept(disk: Disk) -> None:
    subprocess.run([sys.executable, "-c", WRITES], check=True, cwd=disk.root, env=disk.environment())
    assert (disk.root / "renamed.txt").read_bytes() == b"a" * 5_000 + b"b" * 10_000
    assert disk.lose_power(Least()) == 5
    assert {path.name for path in disk.root.iterdir()} == {"kept.txt", "lost.txt"}
    assert (disk.root / "kept.txt").read_bytes() == b"a" * 10_000
    assert (disk.root / "lost.txt").read_bytes() == b""


def lose_power_again_and_again(disk: Disk, folder: Path, seed: int, times: int) -> None:
    """Lose the power again and again while objects are written; the database is whole, with all it must hold."""
    url, chance, concerned = fresh_sqlite_database(disk.root), random.Random(seed), 0
    with closing(open_site(url, disk.root / "site")) as site:
        gateway = Gateway.on(site)
        gateway.add_users(USERS)
        prepare(gateway)
        site.close()
        batches: Batches = {}
        with killed(url, folder, seed, disk.environment()) as workers:
            for _ in range(times):
                done, begun = workers.kill_one()
                concerned += disk.lose_power(chance)
                with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                batches = wholly_done(gateway, batches, done, begun)
                # Nothing else has the file open when the power goes next.
                site.close()
        assert concerned > times
        all_is_whole(gateway)


def all_is_whole(gateway: Gateway) -> None:
    files_are_whole(gateway)
    gateway.site.number_requests()
    verified = gateway.site.transact(lambda connection: verify_trail(connection, "Plone", {}), write=False)
    assert (verified.problems, verified.unlinked) == ([], 0)
    gateway.assert_settled()


def test_sqlite_keeps_what_was_acknowledged(disk: Disk, tmp_path: Path) -> None:
    lose_power_again_and_again(disk, tmp_path, seed=3, times=3)


@pytest.mark.extended
def test_sqlite_keeps_what_was_acknowledged_however_often_the_power_goes(disk: Disk, tmp_path: Path) -> None:
    lose_power_again_and_again(disk, tmp_path, seed=4, times=60)


@contextmanager
def careful_server(disk: Disk, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A MariaDB server that syncs as it does in production, to a disk that may lose what it has not synced."""
    careless = ("--innodb-flush", "--loose-innodb-flush-method", "--innodb-doublewrite", "--innodb-stats-persistent")
    plain = server_command(program_path("mariadbd", "mysqld"), disk.root, port)
    command = [part for part in plain if not part.startswith(careless)]
    # Writes by the kernel's own asynchronous calls would go past the library that notes them.
    command += ["--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=fsync", "--innodb-use-native-aio=0"]
    log = disk.root / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**disk.environment(), "TMPDIR": str(disk.root / "tmp")}
        )
    try:
        wait_until_ready(process, server_url(port), log)
        yield process
    finally:
        process.kill()
        process.wait(ENOUGH)


def server_url(port: int) -> URL:
    return URL.create("mysql+pymysql", username="root", host="127.0.0.1", port=port)


@pytest.mark.extended
def test_mariadb_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    # Not in memory: there, the server writes its log by other means than on a disk.
    with ExitStack() as stack:
        beside = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp", prefix="objapi-power-")))
        (beside / "disk" / "tmp").mkdir(parents=True)
        try:
            disk = Disk.at(beside / "disk", beside)
            install_tables(disk.root / "data", {**os.environ, "TMPDIR": str(disk.root / "tmp")})
        except (CompilerMissing, ServerMissing) as missing:
            pytest.skip(str(missing))
        port, chance, concerned = free_port(), random.Random(5), 0
        with careful_server(disk, port):
            administer(server_url(port), "CREATE DATABASE power CHARACTER SET utf8mb4")
            url = server_url(port).set(database="power").render_as_string(hide_password=False)
            site = stack.enter_context(closing(open_site(url, tmp_path)))
            gateway = Gateway.on(site)
            gateway.add_users(USERS)
            prepare(gateway)
            site.close()
            # Idle in the pipe while there is no server.
            workers = stack.enter_context(killed(url, tmp_path, 5))
        batches: Batches = {}
        done: list[Step] = []
        begun: Step | None = None
        for _ in range(POWER_LOSSES):
            with careful_server(disk, port) as process:
                batches = wholly_done(gateway, batches, done, begun)
                site.close()
                done, begun = workers.kill_one(process.pid)
            concerned += disk.lose_power(chance)
        assert concerned > POWER_LOSSES
        with careful_server(disk, port):
            wholly_done(gateway, batches, done, begun)
            all_is_whole(gateway)
            site.close()
