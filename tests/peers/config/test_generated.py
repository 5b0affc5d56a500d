"""Configuration files that hypothesis makes, through OpenSSH's ``ssh -G`` and through ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ConfigError
from tests.peers.config.openssh import assert_equal, ours
from tests.support.peers import require_tool

# What is put together to lines: keywords with good and bad values, blocks, quotes and noise.
_VALUES = {
    "AddKeysToAgent": ["yes", "no", "confirm 5m", "1h", "ask 1", "never"],
    "AddressFamily": ["any", "INET", "inet6", "ipx"],
    "BindAddress": ["127.0.0.1", '"::1"', "a b"],
    "CanonicalizeMaxDots": ["0", "3", "-1"],
    "CertificateFile": ["~/.ssh/c", "none", '"a b"'],
    "Compression": ["yes", "no", "true", "YES"],
    "ConnectionAttempts": ["1", "+7", "1x", "99999999999"],
    "ConnectTimeout": ["5", "1h", "none", "5 6", "0"],
    "ControlPath": ["none", "~/.ssh/%h-%p-%r", "/tmp/%%"],
    "EscapeChar": ["~", "^A", "none", "ab", "^"],
    "ForwardAgent": ["yes", "no", "true"],
    "GlobalKnownHostsFile": ["/a /b", "none", "none /a", '"/a b"'],
    "HostKeyAlias": ["Alias", "'x y'", '""'],
    "HostName": ["%h.example.org", "b", "127.1", "x-%h", "Upper"],
    "IdentityFile": ["~/.ssh/a", "b", "none", '"c d"', "%d/x"],
    "LocalForward": ["8080 a:80", "127.0.0.1:8081 [::1]:80", "8080", "x y"],
    "LogLevel": ["debug", "QUIET", "info", "loud"],
    "NumberOfPasswordPrompts": ["1", "x"],
    "Port": ["1", "65535", "0", "65536", "022", "ten"],
    "PreferredAuthentications": ["publickey,password", "none"],
    "ProxyCommand": ["none", "nc %h %p", "= x"],
    "ProxyJump": ["none", "a", "u@b:22,c", "[::1]:9", ","],
    "RekeyLimit": ["1G", "default 1h", "512k none", "15", "x"],
    "RemoteCommand": ["echo %h", "none", "= a  b", "'q"],
    "RequestTTY": ["yes", "force", "auto", "maybe"],
    "SendEnv": ["A", "A B*", "-A", "-*", "A=b", '""'],
    "ServerAliveInterval": ["5", "1m", "none", "x"],
    "SetEnv": ["A=1", "B=2 C=3", "A", 'D="x y"'],
    "StrictHostKeyChecking": ["yes", "accept-new", "off", "perhaps"],
    "Tunnel": ["yes", "ethernet", "no"],
    "User": ["a", "B", '"c d"', "e # f", "g#h", "'i'"],
    "UserKnownHostsFile": ["~/a ~/b", "none", "%d/%k"],
    "VerifyHostKeyDNS": ["yes", "ask", "no"],
    "IgnoreUnknown": ["Odd*", "x,odd,!odder"],
    "Odd": ["1", "'"],
    "Odder": ["1 2"],
}
_PAIRS = st.sampled_from([(name, value) for name, values in _VALUES.items() for value in values])
_BLOCKS = st.sampled_from(
    [
        "Host web",
        "Host *",
        "Host !web *",
        "Host db 'web'",
        "host WE?",
        "Host",
        "Host b*",
        "Host web.example.org",
        "Match all",
        "Match host web",
        "Match user root",
        "Match originalhost w* !user a",
        "Match final all",
        "Match !final host *.org",
        "Match canonical",
        "Match host",
        "Match all user a",
        "Match user a,b",
        "Match x y",
        'Match exec "test %h = web"',
        "Match localuser root,nobody host *",
        "Match !all",
        "Match final host b",
    ]
)
_SEPARATORS = st.sampled_from([" ", "\t", "  ", "=", " = ", " =", "= "])
_ENDS = st.sampled_from(["", " ", "\t \f", "\r", " # x", "#"])
_ODD_LINES = st.sampled_from(
    ["", "   ", "# x", "\t# y", "Port", "User=", '"Port" 7', "=", "= 5", '"', "Port\\ 5", "'User' x"]
)


@st.composite
def _line(draw: st.DrawFn) -> str:
    name, value = draw(_PAIRS)
    indent = draw(st.sampled_from(["", "  ", "\t"]))
    name = draw(st.sampled_from([name, name.lower(), name.upper()]))
    end = draw(_ENDS)
    if name.lower() == "rekeylimit":
        end = end.strip("#")  # OpenSSH does not look at what is glued to a size
    line = f"{indent}{name}{draw(_SEPARATORS)}{value}{end}"
    # OpenSSH takes the "none" before a comment for the name of a jump host.
    return line if not (name.lower() == "proxyjump" and value == "none") else f"{indent}{name} none"


_FILES = st.lists(st.one_of(_line(), _line(), _line(), _BLOCKS, _ODD_LINES), max_size=12)
# Good lines only: most files of any lines end with an error.
_GOOD = _PAIRS.filter(lambda pair: pair[1] in _VALUES[pair[0]][:2] and pair[0] not in ("Odd", "Odder"))
_GOOD_BLOCKS = _BLOCKS.filter(lambda block: block not in ("Host", "Match host", "Match x y", "Match all user a"))
_GOOD_FILES = st.lists(st.one_of(_GOOD.map(" ".join), _GOOD.map(" ".join), _GOOD_BLOCKS), max_size=15)

_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(scope="module")
def ssh() -> str:
    return require_tool("ssh", "openssh-client")


@settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
@given(_FILES)
def test_any_file(ssh: str, tmp_path: Path, lines: list[str]) -> None:
    _compare(ssh, tmp_path, lines)


@settings(max_examples=150, deadline=None, suppress_health_check=_SLOW)
@given(_GOOD_FILES)
def test_files_without_errors(ssh: str, tmp_path: Path, lines: list[str]) -> None:
    _compare(ssh, tmp_path, lines)


def _compare(ssh: str, folder: Path, lines: list[str]) -> None:
    """The same options; or an error in both, of the same lines."""
    file = folder / "config"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    command = [ssh, "-F", str(file), "-G", "web"]
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
    if answer.returncode == 0:
        assert_equal(ssh, ["web"], file)
        return
    with pytest.raises(ConfigError) as caught:
        ours(["web"], file)
    assert re.findall(r"line (\d+)", str(caught.value)) == _lines_in(answer.stderr), (str(caught.value), answer.stderr)


def _lines_in(text: str) -> list[str]:
    """The numbers of the lines that OpenSSH complains of, each once."""
    return list(dict.fromkeys(re.findall(r"line (\d+)", text)))
