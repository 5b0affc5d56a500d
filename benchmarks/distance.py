"""How fast is a transfer over a long line?

A relay in front of OpenSSH's sshd holds every byte back for 25 ms in each direction: a round trip of 50 ms on a line
that is otherwise as fast as the machine.  What counts is how much a client lets be under way at a time.  Rates are of
the transfer alone, on a connection that is open; for ``ssh`` the time of ``ssh true`` through the same relay is taken
off.  Uploads are bounded by the window of the server (2 MiB in OpenSSH's sshd, whoever the client is).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from _peers import Use, openssh_client, python_client, sshd
from _relay import relay
from _support import GCM_128, MIB, arguments, in_turns, median, print_load, print_setting, print_table, ratio, verdict

DELAY = 0.025
TARGET = 100.0
"""MB/s of download."""

OURS, SSH, ASYNCSSH, PARAMIKO = "jupyter_ssh", "ssh", "AsyncSSH", "Paramiko"
MODULES = {OURS: "ours", ASYNCSSH: "asyncssh", PARAMIKO: "paramiko"}
DOWNLOAD, UPLOAD = "download", "upload"


def main() -> None:
    """Measures and prints."""
    args = arguments(__doc__, rounds=5, quick_rounds=2)
    sizes = {DOWNLOAD: (128 if args.quick else 512) * MIB, UPLOAD: (32 if args.quick else 128) * MIB}
    print_setting("cryptography", "asyncssh", "paramiko")
    with sshd() as near, relay(near.port, DELAY) as port:
        peer = near.through(port)
        work: dict[tuple[str, str], Callable[[], Use]] = {
            ("true", SSH): lambda: openssh_client("true", peer, cipher=GCM_128)
        }
        for task, size in sizes.items():
            work[task, SSH] = partial(openssh_client, task, peer, cipher=GCM_128, size=size)
            for name, module in MODULES.items():
                # The slow ones need not move as much to show how slow they are.
                less = size if name == OURS else size // 4
                work[task, name] = partial(python_client, module, task, peer, cipher=GCM_128, size=less)
        results = in_turns(work, args.rounds)
    connecting = median([use.wall for use in results["true", SSH]])
    rows = []
    for task, size in sizes.items():
        rates = {}
        for name in (OURS, SSH, ASYNCSSH, PARAMIKO):
            walls = [use.wall - (connecting if name == SSH else 0) for use in results[task, name]]
            moved = size if name in (OURS, SSH) else size // 4
            rates[name] = [moved / wall / 1e6 for wall in walls]
        for name, values in rates.items():
            figures = f"{median(values):.0f} ({max(values):.0f})", ratio(median(rates[OURS]), median(values))
            judged = verdict(median(values), TARGET, "MB/s", at_least=True) if (task, name) == (DOWNLOAD, OURS) else ""
            rows.append([f"{task}, {name}", *figures, judged])
    headers = ["", "MB/s: median (best)", f"{OURS} to it", "target"]
    print_table(f"a round trip of {DELAY * 2000:.0f} ms, {GCM_128}", headers, rows)
    print_load()


if __name__ == "__main__":
    main()
