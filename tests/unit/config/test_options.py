"""`resolve`: which value counts, what is expanded, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.config import Options, RekeyLimit, Target, resolve
from jupyter_ssh.ssh.config.keywords import DEPRECATED, KEYWORDS, OF_VENDORS, ROWS, SILENT, STRUCTURE, UNSUPPORTED
from jupyter_ssh.ssh.errors import ConfigError

HOME = Path("/home/alice")


def options(target: str = "host", /, **given: Any) -> Options:
    return resolve(target, user_name="alice", home=HOME, **given)


def write(folder: Path, text: str, name: str = "config") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_row_is_a_field_and_no_name_stands_in_two_lists() -> None:
    fields = {field.name for field in dataclasses.fields(Options)}
    assert {row.option for row in ROWS} <= fields
    lists = [set(KEYWORDS), set(DEPRECATED), set(OF_VENDORS), set(SILENT), set(STRUCTURE), set(UNSUPPORTED)]
    assert len(set().union(*lists)) == sum(map(len, lists))
    assert len(KEYWORDS) == sum(1 + len(row.aliases) for row in ROWS)


def test_every_default_is_what_its_own_text_means() -> None:
    for row in ROWS:
        lines = row.kind.write(row.default)
        # Lists of algorithms are written out, and a default of several lines or several words is read otherwise.
        if lines and row.default is not None and row.kind.most == 1 and not row.gathers:
            assert row.kind.read(lines) == row.default, row.name


def test_defaults() -> None:
    resolved = options()
    assert (resolved.host, resolved.host_name, resolved.user, resolved.port) == ("host", "host", "alice", 22)
    assert resolved.identity_file[0] == "/home/alice/.ssh/id_rsa"
    assert resolved.user_known_hosts_file == ("/home/alice/.ssh/known_hosts", "/home/alice/.ssh/known_hosts2")
    assert resolved.strict_host_key_checking == "ask"
    assert resolved.connect_timeout is None
    assert not resolved.given("port")


def test_the_first_value_wins(tmp_path: Path) -> None:
    file = write(tmp_path, "Port 4\nUser d\nCompression yes\nServerAliveInterval 4\nBatchMode yes\n")
    second = write(tmp_path, "Port 5\nBatchMode no\nConnectTimeout 5\n", "second")
    resolved = options(
        "ssh://c@host:3",
        keywords={"port": 1},
        command_line=["Port=2", "User=b", ("Compression", "no")],
        files=[file, second],
    )
    assert (resolved.port, resolved.user, resolved.compression) == (1, "b", False)
    assert (resolved.server_alive_interval, resolved.batch_mode, resolved.connect_timeout) == (4, True, 5)
    assert resolved.sources["port"] == "argument"
    assert resolved.sources["user"] == "command line"
    assert resolved.sources["batch_mode"] == f"{file} line 5"
    assert options("c@host", files=[file]).user == "c"


def test_values_from_python() -> None:
    resolved = options(
        keywords={
            "identity_file": [Path("~/a key"), "b"],
            "ciphers": ["aes128-ctr", "aes256-ctr"],
            "connect_timeout": 0.5,
            "strict_host_key_checking": False,
            "rekey_limit": RekeyLimit(1 << 20, 60),
            "set_env": {"A": "x y"},
            "user": None,
            "HostName": "Example.ORG",
            "hostkeyalias": "alias",
        }
    )
    assert resolved.identity_file == ("/home/alice/a key", "b")
    assert resolved.ciphers == "aes128-ctr,aes256-ctr"
    assert resolved.connect_timeout == 0.5
    assert resolved.strict_host_key_checking == "no"
    assert resolved.rekey_limit == RekeyLimit(1 << 20, 60)
    assert dict(resolved.set_env) == {"A": "x y"}
    assert (resolved.user, resolved.host_name, resolved.host_key_alias) == ("alice", "example.org", "alias")


def test_known_hosts_is_that_file_and_no_other() -> None:
    resolved = options(keywords={"known_hosts": Path("/tmp/known")})
    assert resolved.user_known_hosts_file == ("/tmp/known",)
    assert resolved.global_known_hosts_file == ()
    assert options(keywords={"known_hosts": None}).global_known_hosts_file != ()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"prot": 22}, "unknown option.*port"),
        ({"nonsense_option": 1}, "unknown option"),
        ({"port": 0}, "port.*Bad port"),
        ({"batch_mode": "maybe"}, "batch_mode.*yes or no"),
        ({"user": object()}, "user.*unsupported type"),
        ({"ciphers": []}, "ciphers.*it is empty"),
        ({"strict_host_key_checking": "sometimes"}, "accept-new"),
    ],
)
def test_bad_values_from_python(keywords: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        options(keywords=keywords)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Foo=1", "Bad configuration option: Foo"),
        ("Prot 22", "Did you mean Port"),
        ("Port", "no argument after keyword"),
        ("User=", "no argument after keyword"),
        ('User=""', "no argument after keyword"),
        ("Port 1 2", "extra arguments at end of line"),
        ("Port 70000", "Bad port '70000'"),
        ("BatchMode maybe", 'unsupported option "maybe"'),
        ("LogLevel loud", "unsupported option"),
        ("ConnectTimeout 5x", "invalid time"),
        ('User "x', "invalid quotes"),
        ("SetEnv A", "Invalid SetEnv"),
        ("Host x", "only in files"),
        ("Match all", "only in files"),
        ("RekeyLimit 1", "too small"),
        ("HostName %z", 'unknown token "%z"'),
        ("IdentityFile ~/%q", 'unknown token "%q"'),
        ("IdentityFile ${NOT_SET}/x", "NOT_SET"),
        ("IdentityFile ~no-such-user/x", "home of an unknown user"),
        ("HostName -oops", "invalid characters"),
        ("ProxyJump a,", 'Invalid ProxyJump "a,"'),
        ("ProxyJump a:x", 'Invalid ProxyJump "a:x"'),
        ("ProxyCommand nc %z", 'unknown token "%z" in ProxyCommand'),
    ],
)
def test_bad_options(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        options(command_line=[line])


def test_the_way_named_first_counts() -> None:
    jumps = options("x", command_line=["User=u", "ProxyJump=a@b:22,[::1],ssh://c@d:9,%h", "ProxyCommand=nc"])
    assert jumps.proxy_jump == (Target("b", "a", 22), Target("::1"), Target("d", "c", 9), Target("x"))
    assert jumps.proxy_command is None
    assert "proxyjump a@b:22,[::1],c@d:9,%h" in jumps.lines()
    command = options("x", command_line=["ProxyCommand=nc '%h'  %p %r %n %%", "ProxyJump=a"])
    assert (command.proxy_jump, command.proxy_command) == ((), "nc 'x'  22 alice x %")
    none = options(command_line=["ProxyJump=none", "ProxyCommand=nc"])
    assert (none.proxy_jump, none.proxy_command) == ((), "nc")
    assert options(command_line=["ProxyCommand=none", "ProxyJump=a"]).proxy_jump == ()
    assert options(command_line=["ProxyJump=none", "ProxyJump=a"]).proxy_jump == ()


@pytest.mark.parametrize(
    ("value", "jumps"),
    [
        ('"gw"', "gw"),
        ("'gw'", "gw"),
        ('"alice@gw:2222,second" # inside', "alice@gw:2222,second"),
        ("gw # inside", "gw"),
        ('"ssh://gw:9"', "gw:9"),
        ('"none"', None),
    ],
)
def test_jump_hosts_in_quotes(value: str, jumps: str | None, tmp_path: Path) -> None:
    for given in (
        {"files": [write(tmp_path, f"ProxyJump {value}\nProxyJump other\n")]},
        {"command_line": [f"ProxyJump={value}"]},
        {"command_line": [f"ProxyJump = {value}"]},
    ):
        lines = [line for line in options("x", **given).lines() if line.startswith("proxyjump ")]
        assert lines == ([] if jumps is None else [f"proxyjump {jumps}"])
    for wrong in ('"gw', '"gw" second', "'a b'"):
        with pytest.raises(ConfigError, match=r"Invalid ProxyJump|invalid quotes"):
            options("x", command_line=[f"ProxyJump {wrong}"])


def test_an_error_has_one_full_stop(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        options(files=[write(tmp_path, "LocalForward 8 x\nEscapeChar ab\n")])
    assert ".." not in str(caught.value)
    assert "line 1: Bad forwarding specification; " in str(caught.value)


def test_names_of_ports(tmp_path: Path) -> None:
    lines = "Port https\nLocalForward 8080 db:postgresql\nDynamicForward socks\nProxyJump gate:ssh,last:\n"
    resolved = options(files=[write(tmp_path, lines)])
    assert resolved.port == 443
    printed = [line for line in resolved.lines() if line.startswith(("localforward", "dynamicforward", "proxyjump"))]
    assert sorted(printed) == ["dynamicforward 1080", "localforward 8080 [db]:5432", "proxyjump gate:22,last"]


@pytest.mark.parametrize("value", ['"Ask  Bob first"  # always', "Ask  Bob first", "'Ask  Bob first'"])
def test_the_reason_of_a_refusal_may_be_in_quotes(value: str, tmp_path: Path) -> None:
    assert options(files=[write(tmp_path, f"RefuseConnection {value}\n")]).refuse_connection == "Ask  Bob first"


def test_patterns_of_algorithms_are_printed_as_what_they_select() -> None:
    resolved = options(command_line=["HostKeyAlgorithms=ecdsa-sha2-nistp*6", "Ciphers=aes256-*m@openssh.com"])
    assert "ciphers aes256-gcm@openssh.com" in resolved.lines()
    assert "hostkeyalgorithms ecdsa-sha2-nistp256" in resolved.lines()


def test_names_tokens_and_home_are_expanded() -> None:
    resolved = resolve(
        "web",
        command_line=[
            "HostName=%h.example.org",
            "User=bob",
            "Port=2222",
            "IdentityFile=~/%n-%h-%p-%r-%u-%i-%L-%l-%k-%%",
            "IdentityFile=${KEYS}/id",
            "UserKnownHostsFile=%d/known_hosts ~/%k",
            "RemoteCommand=echo %n '${KEYS}'  # kept",
        ],
        user_name="alice",
        home=HOME,
        environment={"KEYS": "/keys"},
        uid=7,
        local_host="here.example.org",
    )
    assert resolved.host_name == "web.example.org"
    assert resolved.identity_file == (
        "/home/alice/web-web.example.org-2222-bob-alice-7-here-here.example.org-web-%",
        "/keys/id",
    )
    assert resolved.user_known_hosts_file == ("/home/alice/known_hosts", "/home/alice/web")
    assert resolved.remote_command == "echo web '${KEYS}'  # kept"


def test_some_keywords_gather_all_values(tmp_path: Path) -> None:
    file = write(tmp_path, "IdentityFile b\nIdentityFile a\nSendEnv LANG\nSetEnv C=3\nSendEnv -X*\n")
    resolved = options(
        command_line=[("IdentityFile", "a"), "SendEnv=LC_* XY", "SetEnv=A=1 B=2"],
        files=[file],
    )
    assert resolved.identity_file == ("a", "b")
    assert resolved.send_env == ("LC_*", "LANG")
    local = {"LANG": "C", "LC_ALL": "C", "XY": "1", "HOME": "/", "A": "0"}
    assert resolved.remote_environment(local) == {"LANG": "C", "LC_ALL": "C", "A": "1", "B": "2"}


def test_identity_file_none_keeps_the_default_ones_out() -> None:
    assert options(command_line=["IdentityFile=none"]).identity_file == ()


def test_what_has_no_effect_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, "ControlMaster auto\nLocalForward 1 a:2\nUseKeychain yes\nHost other\nRemoteForward 1 a:2\n")
    resolved = options(files=[file])
    assert [line.partition(": ")[2].split()[0] for line in resolved.ignored] == ["ControlMaster", "UseKeychain"]
    assert resolved.ignored[1].endswith("config line 3: UseKeychain belongs to another OpenSSH and has no effect")
    assert [line.partition(": ")[2].split()[0] for line in resolved.warnings] == ["LocalForward"]


def test_ignore_unknown(tmp_path: Path) -> None:
    file = write(tmp_path, "IgnoreUnknown New*,other\nNewKeyword x y\nOTHER 1\nPort 3\n")
    assert options(files=[file]).port == 3
    with pytest.raises(ConfigError, match="Bad configuration option: Third"):
        options(files=[file], command_line=["Third=1"])


def test_variables_for_the_remote_are_not_in_the_repr() -> None:
    assert "hunter2" not in repr(options(command_line=["SetEnv=PASSWORD=hunter2"]))


def test_options_cannot_be_changed() -> None:
    resolved = options()
    with pytest.raises(dataclasses.FrozenInstanceError):
        resolved.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        resolved.set_env["A"] = "1"  # type: ignore[index]


def test_bytes_that_are_no_text_in_a_destination(tmp_path: Path) -> None:
    """Files may hold names in other encodings; also the token that is a hash of them all takes them."""
    file = tmp_path / "config"
    file.write_bytes(b"HostName %h.\xcdorg\nUser b\xffb\nIdentityFile ~/%C\n")
    resolved = options("host", files=[file])
    assert (resolved.host_name, resolved.user) == ("host.\udccdorg", "b\udcffb")
