"""``ssh -G`` of the machine's OpenSSH beside ours: what is compared, and what is not and why."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
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
    "ipqos": "that of OpenSSH 10.1; Debian's is older still",
    "gssapiauthentication": "Debian's is yes",
    "xauthlocation": "where the system has it",
    "securitykeyprovider": "what the environment says",
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
    our_lines, their_lines = options_of(options.lines()), theirs(ssh, words, file)
    assert set(their_lines) <= KNOWN
    given = {row.name.lower() for row in ROWS if options.given(row.option)}
    for name in OTHER_DEFAULTS.keys() - given:
        our_lines.pop(name, None)
        their_lines.pop(name, None)
    assert our_lines == their_lines
    # And in the same order.
    assert [name for name in our_lines if name in their_lines] == list(their_lines)
