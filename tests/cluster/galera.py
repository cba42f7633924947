"""A Galera cluster of three nodes on loopback, whose nodes are killed, stopped and brought back.

A node that comes back gets what it has missed from another one's cache of write sets; whole copies of the data are made
once, before the cluster starts, so that no program beside the servers is needed.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pymysql

from tests.databases import ServerMissing, install_tables, program_path, server_command
from tests.ports import free_port
from tests.waiting import ENOUGH, wait_until

LIBRARIES: Final = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib64/galera-4/libgalera_smm.so")
DATABASE: Final = "lab"
_POSITION: Final = re.compile(r"Recovered position: (\S+)")

# The server calls it when a node comes back. The node that gives only has to tell the one that takes up to where its
# data go; the write sets after that come by another way.
_TRANSFER: Final = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --role) role=$2; shift ;;
        --address) address=$2; shift ;;
        --gtid) gtid=$2; shift ;;
        --bypass) bypass=1 ;;
    esac
    shift
done
note="$CLUSTER_FOLDER/transfer-${address##*:}"
case "$role" in
    joiner)
        rm -f "$note"
        echo "ready $address"
        while [ ! -s "$note" ]; do sleep 0.05; done
        cat "$note" ;;
    donor)
        [ -n "$bypass" ] || { echo "the cache of write sets does not go back far enough" >&2; exit 1; }
        echo "$gtid" > "$note.new" && mv "$note.new" "$note"
        echo "done $gtid" ;;
esac
"""


def galera_library() -> str:
    """The path of Galera; raises ServerMissing."""
    for path in LIBRARIES:
        if Path(path).exists():
            return path
    raise ServerMissing("Cluster not tested: Galera is not installed. Install galera-4.")


@dataclass
class Node:
    """One server of a cluster."""

    name: str
    folder: Path
    port: int = field(default_factory=free_port)
    cluster_port: int = field(default_factory=free_port)
    catch_up_port: int = field(default_factory=free_port)
    transfer_port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def connect(self) -> Any:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", autocommit=True, ssl_disabled=True, read_timeout=5
        )

    def status(self) -> dict[str, str]:
        """What the node says of its cluster; empty when it does not answer."""
        try:
            connection = self.connect()
        except pymysql.err.Error:
            return {}
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep_%'")
                return dict(cursor.fetchall())
        except pymysql.err.Error:
            return {}
        finally:
            connection.close()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the node as a power failure does."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        assert self.process is not None
        self.process.wait(ENOUGH)
        self.process = None


@dataclass
class Cluster:
    """The nodes; `folder` holds all that they write."""

    folder: Path
    library: str
    nodes: list[Node]

    def url(self, first: int = 0) -> str:
        """The URL of the database with the nodes in the order that begins with one of them."""
        order = [*self.nodes[first:], *self.nodes[:first]]
        return f"mysql://root@{','.join(f'127.0.0.1:{node.port}' for node in order)}/{DATABASE}"

    def start(self, node: Node, *more: str) -> None:
        """Start a node; it takes up what it has missed."""
        with node.log.open("ab") as output:
            node.process = subprocess.Popen(
                self._command(node, *more), stdout=output, stderr=output, env=self._environment(node)
            )

    def bring_back(self, node: Node) -> None:
        """Start a node that was killed from the point up to which its data go."""
        done = subprocess.run(
            [*self._command(node), "--wsrep-recover"],
            check=True,
            capture_output=True,
            env=self._environment(node),
            text=True,
        )
        found = _POSITION.search(done.stdout + done.stderr)
        assert found is not None, done.stderr[-2000:]
        self.start(node, f"--wsrep-start-position={found[1]}")

    def wait_until_synced(self, *nodes: Node) -> None:
        """Wait until the nodes, all without any, make one cluster and have what it has committed."""
        wanted = nodes or self.nodes

        def synced() -> bool:
            found = [node.status() for node in wanted]
            # One that was stopped goes on with what it knew; the number of the view tells.
            views = {(status.get("wsrep_cluster_size"), status.get("wsrep_cluster_conf_id")) for status in found}
            return (
                all(status.get("wsrep_local_state_comment") == "Synced" for status in found)
                and all(status.get("wsrep_ready") == "ON" for status in found)
                and len(views) == 1
                and views.pop()[0] == str(len(wanted))
            )

        wait_until(synced, "a cluster in step", wanted[-1].log)

    def _environment(self, node: Node) -> dict[str, str]:
        return {
            **os.environ,
            "TMPDIR": str(node.folder / "tmp"),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "CLUSTER_FOLDER": str(self.folder),
        }

    def _command(self, node: Node, *more: str) -> list[str]:
        plain = server_command(program_path("mariadbd", "mysqld"), node.folder, node.port)
        left_out = ("--skip-log-bin", "--innodb-buffer-pool-size", "--innodb-flush-log-at-trx-commit")
        others = ",".join(f"127.0.0.1:{other.cluster_port}" for other in self.nodes)
        options = [
            f"gmcast.listen_addr=tcp://127.0.0.1:{node.cluster_port}",
            f"ist.recv_addr=127.0.0.1:{node.catch_up_port}",
            "gcache.size=32M",
            # A machine that is busy with other things must not look like a dead node, but a dead one be given up soon.
            "evs.keepalive_period=PT0.5S",
            "evs.suspect_timeout=PT3S",
            "evs.inactive_timeout=PT8S",
            "evs.install_timeout=PT5S",
            "pc.recovery=false",
        ]
        return [
            *(part for part in plain if not part.startswith(left_out)),
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=2",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            f"--wsrep-provider={self.library}",
            "--wsrep-cluster-name=objapi",
            f"--wsrep-cluster-address=gcomm://{others}",
            f"--wsrep-node-name={node.name}",
            f"--wsrep-node-address=127.0.0.1:{node.cluster_port}",
            "--wsrep-sst-method=note",
            f"--wsrep-sst-receive-address=127.0.0.1:{node.transfer_port}",
            f"--wsrep-provider-options={';'.join(options)}",
            *more,
        ]


def _prepare(cluster: Cluster) -> None:
    """Give all nodes the same data, with an empty database, as a cluster leaves them that was shut down."""
    script = cluster.folder / "bin" / "wsrep_sst_note"
    script.parent.mkdir()
    script.write_text(_TRANSFER)
    script.chmod(0o755)
    for node in cluster.nodes:
        (node.folder / "tmp").mkdir(parents=True)
    first, *others = cluster.nodes
    install_tables(first.folder / "data", cluster._environment(first))
    cluster.start(first, "--wsrep-new-cluster")
    cluster.wait_until_synced(first)
    connection = first.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    connection.close()
    first.signal(signal.SIGTERM)
    first.wait()
    for node in others:
        shutil.copytree(first.folder / "data", node.folder / "data")


def _end(nodes: Sequence[Node]) -> None:
    for node in nodes:
        if node.process is not None:
            with suppress(ProcessLookupError):
                node.signal(signal.SIGKILL)
            node.wait()


@contextmanager
def galera_cluster() -> Iterator[Cluster]:
    """Three nodes in step with each other, and an empty database; raises ServerMissing without the programs."""
    library = galera_library()
    program_path("mariadbd", "mysqld")
    with tempfile.TemporaryDirectory(prefix="objapi-cluster-") as name:
        folder = Path(name)
        nodes = [Node(f"node{number}", folder / f"node{number}") for number in (1, 2, 3)]
        cluster = Cluster(folder, library, nodes)
        try:
            _prepare(cluster)
            first, *others = nodes
            cluster.start(first, "--wsrep-new-cluster")
            cluster.wait_until_synced(first)
            for node in others:
                cluster.start(node)
            cluster.wait_until_synced()
            yield cluster
        finally:
            _end(nodes)
