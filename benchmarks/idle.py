"""What does a connection cost that is open and idle?

200 connections of one process to OpenSSH's sshd (client), and 200 of AsyncSSH's clients to one process (server), each
after a login and a ``true``: by how much the process has grown, in KiB a connection.  20 that were opened before are
not counted.  Each figure is of a process of its own; "counted by Python" is of another run, with tracemalloc, which
sees no memory of OpenSSL and none that the allocator keeps.  Median (best).
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from typing import Any

from _peers import Peer, sshd
from _support import (
    KEX,
    ROOT,
    arguments,
    both,
    in_turns,
    median,
    print_load,
    print_setting,
    print_table,
    ratio,
    verdict,
)

OURS, ASYNCSSH = "jupyter_ssh", "AsyncSSH"
MODULES = {OURS: "ours", ASYNCSSH: "asyncssh"}
ROLES = ("client", "server")

BEFORE, COUNT = 20, 200
TARGET = 40.0
"""KiB of a connection, in either role."""

KIB = 1024


class Idler:
    """A process of `_idlers`."""

    def __init__(self, role: str, whose: str, request: dict[str, Any]) -> None:
        program = str(ROOT / "benchmarks" / "_idlers.py")
        argv = [sys.executable, program, role, whose, json.dumps(request)]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        return json.loads(line)

    def ask(self, *command: Any) -> Any:
        """Gives a command and returns its answer."""
        assert self._process.stdin is not None
        print(json.dumps(command), file=self._process.stdin, flush=True)
        return self._answer()

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


def grown(measured: Idler, opening: Idler, what: str) -> float:
    """KiB by which ``measured`` grows with each connection of ``opening``."""
    opening.ask("open", BEFORE)
    before = measured.ask("measure")[what]
    opening.ask("open", COUNT)
    return (measured.ask("measure")[what] - before) / COUNT / KIB


def measure(peer: Peer, role: str, name: str, traced: bool) -> float:
    """KiB of one connection."""
    request = {"host": peer.host, "port": peer.port, "user": peer.user, "key": peer.key}
    request |= {"known_hosts": peer.known_hosts, "kex": KEX, "trace": traced}
    what = "traced" if traced else "rss"
    with ExitStack() as stack:
        if role == "client":
            idler = Idler("client", MODULES[name], request)
            stack.callback(idler.stop)
            return grown(idler, idler, what)
        request |= {"host_key": f"{peer.folder}/host_ed25519", "authorized_keys": f"{peer.key}.pub"}
        server = Idler("server", MODULES[name], request)
        stack.callback(server.stop)
        there = peer.through(server.first)
        clients = Idler("client", MODULES[ASYNCSSH], {**request, "port": there.port, "trace": False})
        stack.callback(clients.stop)
        return grown(server, clients, what)


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__, rounds=3, quick_rounds=1)
    print_setting("cryptography", "asyncssh")
    with sshd() as peer:
        work = {
            (role, name, traced): partial(measure, peer, role, name, traced)
            for role in ROLES
            for name in MODULES
            for traced in (False, True)
        }
        figures = in_turns(work, args.rounds)
    rows = []
    for role in ROLES:
        for name in MODULES:
            whole, counted = figures[role, name, False], figures[role, name, True]
            compared = ratio(median(figures[role, OURS, False]), median(whole))
            judged = verdict(median(whole), TARGET, "KiB") if name == OURS else ""
            rows.append([f"{role}, {name}", both(whole, 1), both(counted, 1), compared, judged])
    headers = ["", "grown by, KiB", "counted by Python, KiB", "jupyter_ssh to it", "target"]
    print_table(f"one of {COUNT} idle connections: median (best)", headers, rows)
    print_load()


if __name__ == "__main__":
    main()
