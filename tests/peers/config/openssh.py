"""``ssh -G`` of the machine's OpenSSH beside ours: what is compared, and what is not and why."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.config import Options, chosen_files, parse, resolve
from jupyter_ssh.ssh.config.keywords import OF_VENDORS, ROWS
from jupyter_ssh.ssh.net.names import SystemNames

# Keywords whose defaults differ: the machine's OpenSSH is compared with only where a file or a line gives them.
OTHER_DEFAULTS = {
    "casignaturealgorithms": "our own list",
    "ciphers": "our own list",
    "hostbasedacceptedalgorithms": "our own list",
    "hostkeyalgorithms": "our own list",
    "kexalgorithms": "our own list",
    "macs": "our own list",
    "pubkeyacceptedalgorithms": "our own list",
    "identityfile": "key types that OpenSSH has dropped since, or that need hardware",
    "forwardx11trusted": "Debian's is yes",
    "gssapiauthentication": "Debian's is yes",
    "xauthlocation": "where the system has it",
    "ipqos": "EF and CS0 since OpenSSH 10.1",
    "securitykeyprovider": "an OpenSSH without libfido2 inside looks at the environment",
}

# What OpenSSH 10.5 prints for the lines that 9.2 prints; a default in which they differ is in OTHER_DEFAULTS.
# Where 10.5 is not on the machine, tests/unit/config/test_printed_options.py says what it prints.
_HOME = pwd.getpwuid(os.getuid()).pw_dir
NEWER: dict[str, Callable[[list[str]], list[str]]] = {
    # The names that RFC 1349 gave to three numbers are gone.
    "ipqos": lambda lines: [
        line.replace("lowdelay", "0x10").replace("throughput", "0x08").replace("reliability", "le") for line in lines
    ],
    # Expanded (~, tokens, variables), and printed if there is none.
    "revokedhostkeys": lambda lines: [line.replace("~/", f"{_HOME}/") for line in lines] or ["none"],
}
# Never compared.
LEFT_OUT = {
    "logverbose": "OpenSSH 9.2 drops all but the first word",
    "dynamicforward": "OpenSSH 9.2 writes forwards of Unix sockets there too",
    "syslogfacility": "OpenSSH takes it from blocks that do not match too",
    **{row.name.lower(): f"new in OpenSSH {row.since}" for row in ROWS if row.since},
    **{name.lower(): "a patch of Debian's" for name in OF_VENDORS},
}
KNOWN = {row.name.lower() for row in ROWS} | {"host"}


def options_of(lines: list[str]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" ")
        if name.lower() not in LEFT_OUT:
            result.setdefault(name.lower(), []).append(value)
    return result


def newer(lines: dict[str, list[str]]) -> dict[str, list[str]]:
    """What OpenSSH 10.5 prints instead of the lines of 9.2."""
    return lines | {name: change(lines.get(name, [])) for name, change in NEWER.items()}


def ours(words: list[str], file: Path) -> Options:
    parsed = parse(words)
    assert parsed.target is not None
    account = pwd.getpwuid(os.getuid())  # ssh asks the account, not $HOME
    home = Path(account.pw_dir)
    return resolve(
        parsed.target,
        command_line=parsed.command_line,
        files=chosen_files(parsed.config or file, home),
        user_name=account.pw_name,
        home=home,
        environment=os.environ,
        uid=os.getuid(),
        local_host=socket.gethostname(),
        run=shell_status,
        names=SystemNames(),
    )


def theirs(ssh: str, words: list[str], file: Path) -> dict[str, list[str]]:
    command = [ssh, "-F", str(file), "-G", *words]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert answer.returncode == 0, answer.stderr
    return options_of(answer.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1])


def assert_equal(ssh: str, words: list[str], file: Path) -> None:
    options = ours(words, file)
    our_lines, lines_of_9_2 = options_of(options.lines()), theirs(ssh, words, file)
    their_lines = newer(lines_of_9_2)
    assert set(their_lines) <= KNOWN
    given = {row.name.lower() for row in ROWS if options.given(row.option)}
    for name in OTHER_DEFAULTS.keys() - given:
        our_lines.pop(name, None)
        their_lines.pop(name, None)
    assert our_lines == their_lines
    # And in the same order.
    in_order = [name for name in lines_of_9_2 if name in our_lines]
    assert [name for name in our_lines if name in in_order] == in_order
