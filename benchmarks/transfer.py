"""What does it cost to move 256 MiB through a command's output or input?

Per cipher, in both directions, against OpenSSH's sshd on the loopback interface.  Each measurement is a process of its
own; all clients take turns, and all use the same key exchange.  Wall, MB/s and CPU are of the transfer alone, from the
start of the command to its end on a connection that is open; ``ssh`` cannot be measured like that, so that what
``ssh true`` needs is taken off.  Then follow the CPU time with connecting, but without the start of an interpreter and
imports (for ``ssh`` that is its whole process), and the CPU time of the whole process.  CPU time is user and system
time of the client.

The clients hand what they receive to the caller, who drops it, or ("run") collect it; ``ssh`` writes to /dev/null and
sends a file of zeros; the Python clients send the same 256 KiB over and over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from _peers import Peer, Use, openssh_client, python_client, sshd
from _support import (
    CIPHERS,
    GCM_128,
    MIB,
    Arguments,
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

PARAMIKO_CIPHERS = tuple(cipher for cipher in CIPHERS if not cipher.startswith("chacha20"))
"""Those it knows."""

BUSY_RATE = 100.0
"""MB/s to be reached while a cell computes."""

Key = tuple[str, str, str]
"""Task, cipher, client."""


def transfers(peer: Peer, args: Arguments, size: int) -> dict[Key, list[Use]]:
    """Every combination, in turns."""
    work: dict[Key, Callable[[], Use]] = {}
    for cipher in CIPHERS[: 1 if args.quick else None]:
        work["true", cipher, SSH] = partial(openssh_client, "true", peer, cipher=cipher)
        for task in ("download", "run", "upload"):
            if task != "run":
                work[task, cipher, SSH] = partial(openssh_client, task, peer, cipher=cipher, size=size)
            for name, module in MODULES.items():
                if name != PARAMIKO or cipher in PARAMIKO_CIPHERS:
                    work[task, cipher, name] = partial(python_client, module, task, peer, cipher=cipher, size=size)
    return in_turns(work, args.rounds)


@dataclass(frozen=True)
class Figures:
    """What one client needed for one task with one cipher, round by round: seconds."""

    wall: list[float]
    cpu: list[float]
    connected_cpu: list[float]
    """With connecting."""
    whole_cpu: list[float]
    """Of the whole process."""


def figures(results: dict[Key, list[Use]], task: str, cipher: str, name: str) -> Figures:
    """Taken together; of ``ssh`` only the whole is measured, so that what ``ssh true`` needs is taken off it."""
    uses = results["download" if (task, name) == ("run", SSH) else task, cipher, name]
    whole = [use.whole_cpu for use in uses]
    if name == SSH:
        idle = results["true", cipher, SSH]
        wall, cpu = median([use.whole_wall for use in idle]), median([use.whole_cpu for use in idle])
        return Figures([use.whole_wall - wall for use in uses], [value - cpu for value in whole], whole, whole)
    connected = [use.cpu + use.report["connect_cpu"] for use in uses]
    return Figures([use.wall for use in uses], [use.cpu for use in uses], connected, whole)


def report(results: dict[Key, list[Use]], task: str, size: int) -> None:
    """The table of one task; "run" is held against the download of ``ssh``, which has nothing like it."""
    rows = []
    for cipher in dict.fromkeys(key[1] for key in results):
        names = [name for name in (OURS, SSH, ASYNCSSH, PARAMIKO) if name == SSH or (task, cipher, name) in results]
        all_figures = {name: figures(results, task, cipher, name) for name in names}
        ours = all_figures[OURS]
        for name, theirs in all_figures.items():
            rows.append(
                [
                    f"{cipher}, {name}",
                    both(theirs.wall),
                    f"{size / median(theirs.wall) / 1e6:.0f}",
                    both(theirs.cpu),
                    ratio(median(ours.cpu), median(theirs.cpu)),
                    both(theirs.connected_cpu),
                    ratio(median(ours.connected_cpu), median(theirs.connected_cpu)),
                    both(theirs.whole_cpu),
                ]
            )
    print_table(
        f"{task}, {size // MIB} MiB: median (best)",
        [
            "",
            "wall, s",
            "MB/s",
            "CPU, s",
            f"{OURS} to it",
            "CPU with connecting, s",
            f"{OURS} to it",
            "CPU of the process, s",
        ],
        rows,
    )


def judge(results: dict[Key, list[Use]]) -> None:
    """What became of the targets for receiving."""
    ours, ssh, asyncssh = (figures(results, "download", GCM_128, name) for name in (OURS, SSH, ASYNCSSH))
    print(f"\nTargets, download with {GCM_128}:")
    for what, mine, theirs, limit in (
        (f"CPU with connecting, to {SSH}", ours.connected_cpu, ssh.connected_cpu, 1.0),
        (f"CPU of the transfer alone, to {SSH}", ours.cpu, ssh.cpu, 1.0),
        (f"CPU of the transfer alone, to {ASYNCSSH}", ours.cpu, asyncssh.cpu, 0.6),
    ):
        value = median(mine) / median(theirs)
        print(f"- {what}: {value:.2f} ({verdict(value, limit)})")


def beside_a_busy_cell(peer: Peer, args: Arguments, size: int) -> None:
    """The same download in another thread than the main one, which computes."""
    work = {
        (task, name): partial(python_client, module, task, peer, cipher=GCM_128, size=size, way="busy")
        for task in ("download", "run")
        for name, module in MODULES.items()
    }
    results = in_turns(work, args.rounds)
    rates = {key: [size / use.wall / 1e6 for use in uses] for key, uses in results.items()}
    rows = []
    for (task, name), values in rates.items():
        compared = f"{median(rates[task, OURS]) / median(values):.1f}"
        rows.append([f"{task}, {name}", f"{median(values):.0f} ({max(values):.0f})", compared])
    headers = ["", "MB/s: median (best)", f"{OURS} to it"]
    print_table(f"download of {size // MIB} MiB while a cell computes, {GCM_128}", headers, rows)
    value = median(rates["download", OURS])
    print(f"\nTarget while a cell computes: {value:.0f} MB/s ({verdict(value, BUSY_RATE, 'MB/s', at_least=True)})")


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__, rounds=7, quick_rounds=3)
    size = (64 if args.quick else 256) * MIB
    print_setting("cryptography", "asyncssh", "paramiko")
    with sshd() as peer:
        results = transfers(peer, args, size)
        for task in ("download", "run", "upload"):
            report(results, task, size)
        judge(results)
        beside_a_busy_cell(peer, args, size // 4)
    print_load()


if __name__ == "__main__":
    main()
