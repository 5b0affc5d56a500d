"""User names: which ones a command line may give, and which ones are expanded."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from jupyter_ssh.ssh.config import Options, parse, resolve
from jupyter_ssh.ssh.errors import ConfigError

HOME = Path("/home/alice")


def options(target: str = "host", **given: Any) -> Options:
    return resolve(target, user_name="alice", home=HOME, **given)


def write(folder: Path, text: str) -> Path:
    path = folder / "config"
    path.write_text(text, encoding="utf-8")
    return path


WAYS: dict[str, Any] = {
    "destination": lambda user: {"target": f"{user}@host"},
    "uri": lambda user: {"target": f"ssh://{quote(user)}@host"},
    "-l": lambda user: {"command_line": parse(["-l", user, "host"]).command_line},
    "-o": lambda user: {"command_line": ['User="' + user.replace('"', r"\"") + '"']},
    "keyword": lambda user: {"keywords": {"user": user}},
    "-J": lambda user: {"command_line": parse(["-J", f"gate,{user}@gate", "host"]).command_line},
    "proxy_jump": lambda user: {"keywords": {"proxy_jump": f"{user}@gate"}},
    "a variable": lambda user: {"environment": {"WHO": user}},
}


@pytest.mark.parametrize("user", ["a'b", "a`b", "(b", "a)", "a<b", "a>b", "a|b", "a&b", 'a"b', "{a", "a$b", "a\x1bb"])
@pytest.mark.parametrize("way", WAYS)
def test_a_user_of_a_command_line_cannot_break_out_of_a_command(way: str, user: str, tmp_path: Path) -> None:
    file = write(tmp_path, "User ${WHO}\n")
    with pytest.raises(ConfigError, match="remote username contains invalid characters"):
        options(**WAYS[way](user), files=[file])


@pytest.mark.parametrize("user", ["a;b", "-b", "a -b", "CORP\\"])
def test_a_user_that_would_be_an_option_or_another_command(user: str) -> None:
    for target in (f"{user}@host", f"ssh://{quote(user)}@host"):
        with pytest.raises(ConfigError, match="remote username contains invalid characters"):
            options(target)


@pytest.mark.parametrize(
    "given",
    [
        {"target": "a;b@host"},
        {"command_line": ["HostName=a;b"]},
        {"command_line": [("HostName", "a$(b)")]},
        {"keywords": {"host_name": "a|b"}},
    ],
)
def test_no_command_of_a_file_sees_such_a_name(given: dict[str, Any], tmp_path: Path) -> None:
    ran: list[str] = []

    def run(command: str) -> int:
        ran.append(command)
        return 0

    with pytest.raises(ConfigError, match="invalid characters"):
        options(**given, files=[write(tmp_path, 'Match exec "test %r %h"\n')], run=run)
    assert ran == []


def test_a_file_may_name_any_user_and_a_command_line_most(tmp_path: Path) -> None:
    assert options(files=[write(tmp_path, "User a;\"'b'\"(c)$d\n")]).user == "a;'b'(c)$d"
    for user in ("CORP\\alice", "alice@corp.example.com", "a b", "a%b", "a#b"):
        assert options(f"{user}@host").user == user


@pytest.mark.parametrize("way", ["destination", "-l", "-o", "keyword"])
def test_a_user_of_a_command_line_is_not_expanded(way: str, tmp_path: Path) -> None:
    resolved = options(**WAYS[way]("%u%%h%"), files=[write(tmp_path, "ProxyCommand nc %r\n")])
    assert (resolved.user, resolved.proxy_command) == ("%u%%h%", "nc %u%%h%")
    assert "user %u%%h%" in resolved.lines()


def test_a_user_in_a_file_is_expanded(tmp_path: Path) -> None:
    resolved = options(files=[write(tmp_path, "User %u-${WHO}-%h\n")], environment={"WHO": "bob"})
    assert resolved.user == "alice-bob-host"
    assert "user alice-bob-host" in resolved.lines()
