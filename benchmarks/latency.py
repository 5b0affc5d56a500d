"""How long does a person wait?

 - connect + ``true``: a new connection, ``true`` on it, until its result is there (and for ``ssh`` until it has ended);
   all with the same key exchange, and then each with its own defaults (which cost more where they withstand quantum
   computers: OpenSSH's and ours do);
 - ``true`` on a connection that is open (``ssh``: through a ControlMaster);
 - the import in a fresh interpreter, and all until the result of a first ``true``;
 - ``%load_ext jupyter_ssh`` in a fresh IPython, without the start of IPython itself.

Against OpenSSH's sshd on the loopback interface; each measurement is a process of its own, and connecting is measured
after a first connection has loaded what is loaded at first use.  Wall-clock milliseconds, median (best).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from _peers import Peer, openssh_client, python_client, run_child, run_python, sshd
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

OURS, SSH, ASYNCSSH, PARAMIKO = "jupyter_ssh", "ssh", "AsyncSSH", "Paramiko"
MODULES = {OURS: "ours", ASYNCSSH: "asyncssh", PARAMIKO: "paramiko"}

IMPORTS = {
    OURS: "from jupyter_ssh.ssh import connect",
    ASYNCSSH: "import asyncssh",
    PARAMIKO: "import paramiko",
}
IMPORT_PROGRAM = """
import sys, time
sys.path.insert(0, {root!r})
began = time.perf_counter()
{what}
print((time.perf_counter() - began) * 1000)
"""

LOAD_PROGRAM = """
import sys, time
sys.path.insert(0, {root!r})
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_ssh")
print((time.perf_counter() - began) * 1000)
assert "ssh" in shell.magics_manager.magics["line"]
"""

CONNECT_TARGET, LOAD_TARGET = 0.9, 150.0
"""Connecting against AsyncSSH; milliseconds of %load_ext."""

FRESH, DEFAULTS, WARM = "connect + true", "the same, own defaults", "true on an open connection"
IMPORT, FIRST, EXTENSION = "import", "import, first connect + true", "%load_ext jupyter_ssh"

Waiting = dict[str, float]
"""Milliseconds, by what was waited for; "CPU" is what the client computed in the first of them."""


def of_library(peer: Peer, module: str, times: int, *, kex: str | None) -> Waiting:
    """Medians of one process, which connects ``times`` times."""
    report = python_client(module, "true", peer, kex=kex, way="latency", times=times).report
    fresh, warm, cpu = (median(report[what]) * 1000 for what in ("fresh", "warm", "fresh_cpu"))
    return (
        {FRESH: fresh, WARM: warm, FIRST: report["first"] * 1000, "CPU": cpu} if kex else {DEFAULTS: fresh, "CPU": cpu}
    )


def of_openssh(peer: Peer, *, kex: str | None) -> Waiting:
    """One run of ``ssh``."""
    use = openssh_client("true", peer, kex=kex)
    return {FRESH if kex else DEFAULTS: use.whole_wall * 1000, "CPU": use.whole_cpu * 1000}


def of_control_master(peer: Peer, options: list[str]) -> Waiting:
    """One run of ``ssh`` over a connection that is open."""
    wall, _, _ = run_child([*peer.ssh, *options, f"{peer.user}@{peer.host}", "true"])
    return {WARM: wall * 1000}


def of_import(peer: Peer, what: str) -> Waiting:
    """One import in a fresh interpreter."""
    return {IMPORT: float(run_python(peer, "-c", IMPORT_PROGRAM.format(root=str(ROOT), what=what))[2])}


def of_extension(peer: Peer) -> Waiting:
    """The magic in a fresh IPython."""
    return {EXTENSION: float(run_python(peer, "-c", LOAD_PROGRAM.format(root=str(ROOT)))[2])}


@contextmanager
def control_master(peer: Peer) -> Iterator[list[str]]:
    """The options with which ``ssh`` uses a connection that is open."""
    options = ["-o", f"ControlPath={peer.folder}/control"]
    target = f"{peer.user}@{peer.host}"
    subprocess.run([*peer.ssh, *options, "-o", "ControlMaster=yes", "-N", "-f", target], check=True)
    try:
        yield options
    finally:
        subprocess.run([*peer.ssh, *options, "-O", "exit", target], check=True, capture_output=True)


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__, rounds=11, quick_rounds=3)
    times = 3 if args.quick else 7
    print_setting("cryptography", "asyncssh", "paramiko", "ipython")
    with sshd() as peer, control_master(peer) as options:
        work: dict[tuple[str, str], Callable[[], Waiting]] = {
            (FRESH, SSH): lambda: of_openssh(peer, kex=KEX),
            (DEFAULTS, SSH): lambda: of_openssh(peer, kex=None),
            (WARM, SSH): lambda: of_control_master(peer, options),
            (EXTENSION, OURS): lambda: of_extension(peer),
        }
        for name, module in MODULES.items():
            work[FRESH, name] = partial(of_library, peer, module, times, kex=KEX)
            work[DEFAULTS, name] = partial(of_library, peer, module, times, kex=None)
            work[IMPORT, name] = partial(of_import, peer, IMPORTS[name])
        in_turns(work, 1)  # writes the compiled modules
        measured = in_turns(work, args.rounds)
    waits: dict[tuple[str, str], list[float]] = {}
    cpu: dict[tuple[str, str], list[float]] = {}
    for (what, name), rounds in measured.items():
        for waiting in rounds:
            for waited_for, value in waiting.items():
                if waited_for == "CPU":
                    cpu.setdefault((what, name), []).append(value)
                else:
                    waits.setdefault((waited_for, name), []).append(value)
    against = median(waits[FRESH, OURS]) / median(waits[FRESH, ASYNCSSH])
    judged = {
        FRESH: verdict(against, CONNECT_TARGET, f"of {ASYNCSSH}"),
        EXTENSION: verdict(median(waits[EXTENSION, OURS]), LOAD_TARGET, "ms"),
    }
    rows = []
    for what in (FRESH, DEFAULTS, WARM, IMPORT, FIRST, EXTENSION):
        for name in (OURS, SSH, ASYNCSSH, PARAMIKO):
            if (what, name) in waits:
                compared = ratio(median(waits[what, OURS]), median(waits[what, name]))
                spent = both(cpu[what, name], 1) if (what, name) in cpu else ""
                target = judged.get(what, "") if name == OURS else ""
                rows.append([f"{what}, {name}", both(waits[what, name], 1), compared, spent, target])
    print_table("waiting", ["", "ms", f"{OURS} to it", "CPU of the client, ms", "target"], rows)
    print_load()


if __name__ == "__main__":
    main()
