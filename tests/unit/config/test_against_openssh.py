"""The same command lines and files through OpenSSH's ``ssh -G``: the same options must come out."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.config import chosen_files, parse, resolve
from jupyter_ssh.ssh.config.keywords import ROWS
from jupyter_ssh.ssh.errors import ConfigError
from tests.support.peers import require_tool

# Their defaults differ for good reasons: other keys and algorithms, ours or those of the peer's version.
OWN_DEFAULTS = {
    *("casignaturealgorithms", "ciphers", "hostkeyalgorithms", "identityfile", "kexalgorithms", "macs"),
    "pubkeyacceptedalgorithms",
}
# Written in their own way by one version or another.
WORDS = {"true": "yes", "false": "no", "DEBUG": "DEBUG1", "SILENT": "QUIET"}
COMPARED = {row.name.lower() for row in ROWS if not row.own} | {"host"}

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
        if name.lower() == "escapechar":
            value = value.replace("\\^", "^")
        if name.lower() in COMPARED:
            result.setdefault(name.lower(), []).append(WORDS.get(value, value))
    return result


def ours(words: list[str], file: Path) -> dict[str, list[str]]:
    parsed = parse(words)
    assert parsed.target is not None
    account = pwd.getpwuid(os.getuid())  # ssh asks the account, not $HOME
    home = Path(account.pw_dir)
    options = resolve(
        parsed.target,
        command_line=parsed.command_line,
        files=chosen_files(parsed.config or file, home),
        user_name=account.pw_name,
        home=home,
        environment=os.environ,
    )
    result = options_of(options.lines())
    # OpenSSH writes these after their expansion.
    result["userknownhostsfile"] = [" ".join(options.user_known_hosts_file) or "none"]
    if options.remote_command:
        result["remotecommand"] = [options.remote_command]
    return result


def theirs(ssh: str, words: list[str], file: Path) -> dict[str, list[str]]:
    command = [ssh, "-F", str(file), "-G", *words]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    assert answer.returncode == 0, answer.stderr
    result = options_of(answer.stdout.splitlines())
    if "sendenv" in result:  # the second round of Match final gathers them a second time
        result["sendenv"] = list(dict.fromkeys(result["sendenv"]))
    return result


@pytest.mark.parametrize("case", CASES)
def test_the_same_options(case: str, ssh: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(FILE, encoding="utf-8")
    words = case.split()
    their_options, our_options = theirs(ssh, words, file), ours(words, file)
    given = {name for name in OWN_DEFAULTS if f"{name}=" in case.lower().replace("-o", "")}
    flags = {"-c": "ciphers", "-m": "macs", "-i": "identityfile"}
    given |= {name for flag, name in flags.items() if flag in words}
    if "web" in words and "identityfile" not in given:
        given.add("identityfile")
    for name in COMPARED - (OWN_DEFAULTS - given):
        assert our_options.get(name) == their_options.get(name), name


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
