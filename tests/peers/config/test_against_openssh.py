"""The same command lines and files through OpenSSH's ``ssh -G``: the same options must come out."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import ConfigError
from tests.peers.config.openssh import assert_equal, ours
from tests.support.peers import require_tool

AWKWARD = Path(__file__).with_name("awkward")

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
    "-oIdentityAgent=~/agent-%h x",
    "-W inner:22 web",
    "-W [::1]:22 -oExitOnForwardFailure=no web9",
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
    "-2 -S none -I none x",
    "-2g -oControlPath=/run/%h -S none -oGatewayPorts=no web",
    "-oControlPath=/run/%h -oPKCS11Provider=/lib/x.so web",
    "%u@web",
    "-l %h -oPort=7 ssh://a%25b@web",
    r"CORP\alice@web",
    r"-l CORP\alice -J CORP\bob@gate web",
    "-oUserKnownHostsFile=~ -oGlobalKnownHostsFile=~ -oControlPath=~ x",
    "-oIdentityAgent=~ -oUserKnownHostsFile=~root -oForwardAgent=~ x",
    "-oIPQoS=ef x",
    "-oRevokedHostKeys=~/revoked -oSecurityKeyProvider=/lib/sk.so x",
    "-oRevokedHostKeys=/a -oIPQoS=0x00 -oSecurityKeyProvider=$OTHER x",
    "x -v -- -p 99",
    "-- x -p 99",
]

BAD = [
    "-p 0 x",
    "-p x y",
    "-oPort=99999 x",
    "-oFoo=1 x",
    "-oBatchMode=maybe x",
    "-oUser= x",
    "-oLogLevel=loud x",
    "-oConnectTimeout=5x x",
    "-oHostName=%z x",
    "-oHost=x x",
    "-F /nonexistent/file x",
    "-Z x",
    "-p",
    "",
    "@x",
    "-oRekeyLimit=1 x",
    "-e ab x",
    "-oServerAliveCountMax=x y",
    "-oStrictHostKeyChecking=foo x",
    "a;b",
    "a;b@x",
    "ssh://a%3bb@x",
    "-l a|b x",
    "-oUser=a&b x",
    "-oUser=a{b x",
    "-l a`b` x",
    "-l -x x",
    "CORP\\@x",
    "-J a;b@gate x",
    "-J gate,a(b)@gate x",
    "-oProxyJump=a>b@gate x",
    "-oPort x",
]


@pytest.fixture(scope="module")
def ssh() -> str:
    return require_tool("ssh", "openssh-client")


@pytest.mark.parametrize("case", CASES)
def test_the_same_options(case: str, ssh: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(FILE, encoding="utf-8")
    assert_equal(ssh, case.split(), file)


@pytest.mark.parametrize(
    "line",
    [
        "LocalForward ::1/8 h/9",
        "LocalForward [::1]/8 [::2]/9",
        "LocalForward 8",
        "LocalForward 8:h:9",
        "LocalForward 8 9",
        "LocalForward 8 h:0",
        "LocalForward 0 h:9",
        "LocalForward a/b",
        "LocalForward a:b:c d:e",
        "LocalForward 8 [h",
        "LocalForward 8 h:9\\",
        "RemoteForward 8 9",
        "RemoteForward a:b",
        "RemoteForward 8:h:9",
        "RemoteForward /a:h:9",
        "RemoteForward a:/b",
        "RemoteForward 0:${NOT_IN_THE_ENVIRONMENT}",
        "LocalForward 8 ${NOT_IN_THE_ENVIRONMENT}/x",
        "LocalForward 8 ${HOME",
        "DynamicForward 0",
        "DynamicForward 8 h:9",
        "DynamicForward a:8:9",
        "PermitRemoteOpen h/9 a:7",
        "PermitRemoteOpen ::1/9",
    ],
)
def test_the_same_forwards_are_errors(line: str, ssh: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"{line}\n", encoding="utf-8")
    command = [ssh, "-F", str(file), "-G", "x"]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=30)
    assert answer.returncode == 255, answer.stdout
    with pytest.raises(ConfigError, match="line 1"):
        ours(["x"], file)


def lines_of(file: Path) -> list[list[str]]:
    """The command lines in the first line of a file: ``# ssh web; -p 22 db``."""
    first = file.read_bytes().split(b"\n")[0].decode()
    assert first.startswith("# ssh ")
    return [shlex.split(line) for line in first.removeprefix("# ssh ").split(";")]


@pytest.mark.parametrize("name", sorted(path.name for path in AWKWARD.glob("*.config")))
def test_awkward_files(name: str, ssh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARD_PORT", "8080")
    monkeypatch.setenv("FORWARD_TARGET", "h:9")
    file = tmp_path / "config"
    file.write_bytes((AWKWARD / name).read_bytes())  # a checkout may be writable by a group
    for words in lines_of(file):
        assert_equal(ssh, words, file)


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
