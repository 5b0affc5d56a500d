"""The same command lines and files through OpenSSH's ``ssh -G``: the same options must come out."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.client.local_commands import shell_status
from jupyter_ssh.ssh.config import Options, chosen_files, parse, resolve
from jupyter_ssh.ssh.config.keywords import OF_VENDORS, ROWS
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.net.names import SystemNames
from tests.support.peers import require_tool

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
    **{row.name.lower(): f"new in OpenSSH {row.since}" for row in ROWS if row.since},
    **{name.lower(): "a patch of Debian's" for name in OF_VENDORS},
}
KNOWN = {row.name.lower() for row in ROWS} | {"host"}

FILE = """
IgnoreUnknown Strange
Strange 1 2
Host web
    HostName %h.example.org
    User bob
    Port=2222
    IdentityFile ~/.ssh/web_key
Host web* !web9
    ServerAliveInterval 1m30s
    IdentityFile "~/.ssh/second key"
    SendEnv LANG LC_*
Match host *.example.org user bob
    Compression yes
    SetEnv A=1 "B=2 3"
    SetEnv C=4
Match originalhost web9
    RemoteCommand echo %n  "x"  # not a comment
    RequestTTY force
    StrictHostKeyChecking accept-new
Match final host *.org
    NumberOfPasswordPrompts 1
Match !host web9 all
"""

CASES = [
    "web",
    "alice@web",
    "web9",
    "WEB",
    "other",
    "-l alice web",
    "web -l alice",
    "bob@web -p 5 -oPort=6",
    "ssh://alice@web:99",
    "-oUser=carol -oSetEnv=Z=1 web",
    "-A web",
    "-a -A web",
    "-A -a web",
    "-oForwardAgent=/run/agent -oIdentityAgent=/run/other web",
    "-oIdentityAgent=none -oAddKeysToAgent=ask web",
    "-oIdentityAgent=SSH_AUTH_SOCK -oAddKeysToAgent=90m web",
    "-oIdentityAgent=$NOT_SET -oAddKeysToAgent=yes web",
    "-oConnectTimeout=1h30m -oServerAliveCountMax=7 -oTCPKeepAlive=no web",
    "-oConnectTimeout=none -oUserKnownHostsFile=none x",
    "-4 -oAddressFamily=inet6 web",
    "-oCompression=no -C x",
    "-c aes256-ctr,aes128-ctr -oCiphers=aes128-ctr -m hmac-sha2-256 x",
    "-oKexAlgorithms=curve25519-sha256 -oHostKeyAlgorithms=ssh-ed25519 x",
    "-tt web9",
    "-T web9",
    "-t x",
    "-N x",
    "-n x",
    "-e none x",
    "-e ^A x",
    "-e x -oEscapeChar=y x",
    "-v x",
    "-vvv x",
    "-q x",
    "-oLogLevel=VERBOSE x",
    "-vvv -oLogLevel=ERROR x",
    "-b 127.0.0.1 -oBindInterface=lo x",
    "-i /dev/null -oIdentityFile=c -i /dev/zero web",
    "-oStrictHostKeyChecking=off -oServerAliveInterval=1 -oBatchMode=yes -oHashKnownHosts=yes x",
    "-oStrictHostKeyChecking=no -oPreferredAuthentications=publickey,password x",
    "-oRekeyLimit=1G -oHostKeyAlias=alias x",
    "-oPubkeyAuthentication=no -oPasswordAuthentication=no -oKbdInteractiveAuthentication=no x",
    "-oSendEnv=A -oSendEnv=B* -oSendEnv=-A x",
    "-oSessionType=none -oStdinNull=yes x",
    "-oGlobalKnownHostsFile=/a -oUserKnownHostsFile=~/b x",
    "-x -a -k x",
    "x -v -- -p 99",
    "-- x -p 99",
]

BAD = [
    *("-p 0 x", "-p x y", "-oPort=99999 x", "-oFoo=1 x", "-oBatchMode=maybe x", "-oUser= x", "-oLogLevel=loud x"),
    *("-oConnectTimeout=5x x", "-oHostName=%z x", "-oHost=x x", "-F /nonexistent/file x", "-Z x", "-p", "", "@x"),
    *("-oRekeyLimit=1 x", "-e ab x", "-oServerAliveCountMax=x y", "-oStrictHostKeyChecking=foo x", "a;b", "-oPort x"),
]


@pytest.fixture(scope="module")
def ssh() -> str:
    return require_tool("ssh", "openssh-client")


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
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert answer.returncode == 0, answer.stderr
    return options_of(answer.stdout.splitlines())


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


@pytest.mark.parametrize("case", CASES)
def test_the_same_options(case: str, ssh: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(FILE, encoding="utf-8")
    assert_equal(ssh, case.split(), file)


@pytest.mark.parametrize("case", BAD)
def test_the_same_command_lines_are_errors(case: str, ssh: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("", encoding="utf-8")
    words = case.split()
    command = [ssh, *([] if "-F" in words else ["-F", str(file)]), "-G", *words]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert answer.returncode == 255
    with pytest.raises((ConfigError, AssertionError)):
        ours(words, file)
