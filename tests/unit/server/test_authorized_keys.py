"""The authorized_keys file: lines, options, and who may have written it."""

from __future__ import annotations

import calendar
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.net.addresses import plain_address
from jupyter_ssh.ssh.server.logins.addresses import address_matches
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys
from jupyter_ssh.ssh.server.logins.file_modes import read_trusted
from jupyter_ssh.ssh.server.logins.key_options import RESTRICTED, KeyOptions, parse_options, split_options

ALICE = generate("ssh-ed25519").public
BOB = generate("ecdsa-sha2-nistp256").public
HERE = "192.0.2.7"
NO_FORWARDING = KeyOptions(agent_forwarding=False, x11_forwarding=False)
WITH_ENVIRONMENT = KeyOptions(environment=(("A", "1,2"), ("B", 'x="y"')))
NOW = 1_800_000_000.0


def test_plain_lines_comments_and_blank_lines() -> None:
    text = f"# comment\n\n{ALICE.line('alice on her laptop')}\r\n   \n\t{BOB.line()}\n"
    keys = AuthorizedKeys.parse(text)
    assert [(entry.key, entry.comment, entry.line) for entry in keys.entries] == [
        (ALICE, "alice on her laptop", 3),
        (BOB, "", 5),
    ]
    assert keys.problems == ()
    found = keys.find(BOB, HERE, NOW)
    assert found is not None
    assert found.options == KeyOptions()
    assert AuthorizedKeys.parse("").find(ALICE, HERE, NOW) is None


def test_a_bad_line_is_reported_and_harms_no_other() -> None:
    broken = ALICE.line()[:-9]
    text = f"{broken}\nssh-future AAAACnNzaC1mdXR1cmU= new\nnonsense\n{'x' * 70000}\n{BOB.line()}\n"
    keys = AuthorizedKeys.parse(text)
    assert [problem.line for problem in keys.problems] == [1, 2, 3, 4]
    assert "ssh-future" in keys.problems[1].why
    assert [entry.key for entry in keys.entries] == [BOB]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no-pty", KeyOptions(pty=False)),
        ("restrict", RESTRICTED),
        ("restrict,pty", replace(RESTRICTED, pty=True)),
        ("Restrict,PORT-forwarding", replace(RESTRICTED, port_forwarding=True)),
        ("restrict,agent-forwarding,X11-forwarding,user-rc", KeyOptions(pty=False, port_forwarding=False)),
        ("pty,restrict", RESTRICTED),
        ("no-port-forwarding", KeyOptions(port_forwarding=False)),
        ('command="echo \\"hi, you\\" # no"', KeyOptions(command='echo "hi, you" # no')),
        ('command="C:\\dir\\x"', KeyOptions(command="C:\\dir\\x")),
        ('command=""', KeyOptions(command="")),
        ('from="192.0.2.0/24,!192.0.2.9"', KeyOptions(sources=("192.0.2.0/24,!192.0.2.9",))),
        ('permitopen="db:5432",permitopen="[::1]:*"', KeyOptions(permit_open=("db:5432", "[::1]:*"))),
        ("no-agent-forwarding,no-X11-forwarding,no-user-rc,user-rc", NO_FORWARDING),
        ('environment="A=1,2",environment="B=x=\\"y\\"",environment="A=3"', WITH_ENVIRONMENT),
        ('permitlisten="8080",permitlisten="[::1]:*"', KeyOptions(permit_listen=("8080", "[::1]:*"))),
        ("no-touch-required,verify-required", KeyOptions(touch_required=False, verify_required=True)),
        ('cert-authority,principals="root,admin"', KeyOptions(cert_authority=True, principals=("root", "admin"))),
        ('expiry-time="20300102Z"', KeyOptions(expires=float(calendar.timegm((2030, 1, 2, 0, 0, 0))))),
        ('expiry-time="203001020304Z"', KeyOptions(expires=float(calendar.timegm((2030, 1, 2, 3, 4, 0))))),
        ('expiry-time="20300102030405Z"', KeyOptions(expires=float(calendar.timegm((2030, 1, 2, 3, 4, 5))))),
    ],
)
def test_options(text: str, expected: KeyOptions) -> None:
    assert parse_options(text) == expected
    keys = AuthorizedKeys.parse(f"{text} {ALICE.line('c')}")
    assert [(entry.key, entry.options) for entry in keys.entries] == [(ALICE, expected)]


@pytest.mark.parametrize(
    "text",
    [
        'principals="root,"',
        'principals="a",principals="b"',
        'tunnel="0"',
        'permitlisten="a:b"',
        'environment="A"',
        'environment="A-B=1"',
        "environment",
        "no-such-option",
        "no-pty=",
        'no-pty="x"',
        "command",
        "command=echo",
        'command="echo',
        'command="a",command="b"',
        'from=""',
        'from="10.0.0.1/8"',
        'from="!"',
        'permitopen="db"',
        'expiry-time="soon"',
        'expiry-time="20301399"',
        "no-pty,,pty",
        ",",
    ],
)
def test_a_line_with_an_option_that_is_not_enforced_or_wrong_lets_nobody_in(text: str) -> None:
    with pytest.raises(ValueError):
        parse_options(text)
    keys = AuthorizedKeys.parse(f"{text} {ALICE.line()}\n{BOB.line()}")
    assert keys.find(ALICE, HERE, NOW) is None
    assert [problem.line for problem in keys.problems] == [1]
    assert keys.find(BOB, HERE, NOW) is not None


def test_a_quoted_value_ends_where_openssh_ends_it() -> None:
    assert split_options('command="a\\\\"",no-pty') == [("command", 'a\\"'), ("no-pty", None)]


def test_the_first_line_that_admits_counts() -> None:
    text = (
        f'from="203.0.113.*",command="far" {ALICE.line()}\n'
        f'expiry-time="20200101Z",command="past" {ALICE.line()}\n'
        f'command="here" {ALICE.line()}\n'
    )
    keys = AuthorizedKeys.parse(text)
    for address, command in (("203.0.113.5", "far"), ("::ffff:203.0.113.5", "far"), (HERE, "here")):
        entry = keys.find(ALICE, address, NOW)
        assert entry is not None
        assert entry.options.command == command


@pytest.mark.parametrize(
    ("address", "pattern", "expected"),
    [
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.*", True),
        ("192.0.2.77", "192.0.2.7", False),
        ("192.0.2.7", "192.0.2.0/29", True),
        ("192.0.2.8", "192.0.2.0/29", False),
        ("192.0.2.7", "*,!192.0.2.7", False),
        ("192.0.2.7", "!192.0.2.7,*", False),
        ("192.0.2.7", "!192.0.2.8", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db8::1", "192.0.2.0/24", False),
        ("fe80::1%eth0", "fe80::/10", True),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "host.example", False),
    ],
)
def test_addresses(address: str, pattern: str, expected: bool) -> None:
    assert address_matches(address, pattern) is expected


def test_addresses_as_people_write_them() -> None:
    assert plain_address("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain_address("fe80::1%2") == "fe80::1"
    assert plain_address("/run/socket") == "/run/socket"


# --- who may have written the file ------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "authorized_keys"
    path.write_text(ALICE.line() + "\n")
    path.chmod(0o600)
    return path


def test_a_private_file_is_read(file: Path) -> None:
    assert [entry.key for entry in AuthorizedKeys.load(file).entries] == [ALICE]
    file.chmod(0o644)
    assert AuthorizedKeys.load(file).entries, "others may read public keys"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_others_may_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match="writable by others"):
        AuthorizedKeys.load(file)
    assert AuthorizedKeys.load(file, strict_modes=False).entries


def test_folders_others_may_write_are_refused_up_to_home(file: Path) -> None:
    file.parent.chmod(0o777)
    with pytest.raises(ConfigError, match="writable by others"):
        AuthorizedKeys.load(file)
    file.parent.chmod(0o700)
    above = file.parent.parent.parent
    above.chmod(0o777)
    with pytest.raises(ConfigError):
        AuthorizedKeys.load(file)
    assert AuthorizedKeys.load(file, home=file.parent.parent).entries, "what is above home is the system's business"
    above.chmod(0o1777)
    assert AuthorizedKeys.load(file).entries, "in a sticky folder nobody can put another in its place"
    above.chmod(0o700)


def test_the_file_behind_a_link_is_what_counts(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert AuthorizedKeys.load(link).entries
    file.chmod(0o666)
    with pytest.raises(ConfigError):
        AuthorizedKeys.load(link)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, tmp_path / "missing"):
        with pytest.raises(ConfigError):
            AuthorizedKeys.load(path)
    large = tmp_path / "large"
    large.write_bytes(bytes(11))
    with pytest.raises(ConfigError, match="too large"):
        read_trusted(large, limit=10)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(ConfigError):
        read_trusted(loop)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(file: Path) -> None:
    os.chown(file, 65534, -1)
    with pytest.raises(ConfigError, match="another user"):
        AuthorizedKeys.load(file)


ALPHABET = 'abc=",\\ \t#*!:[]0189-sh\x00\u00e9\udcff\u0663'


@given(st.text(ALPHABET, max_size=80))
def test_any_text_lets_nobody_else_in(text: str) -> None:
    line = ALICE.line()
    parsed = AuthorizedKeys.parse(f'{text}\n{text} {line}\ncommand="{text}" {line}\nfrom="{text}" {line}\n{BOB.line()}')
    assert all(problem.why for problem in parsed.problems)
    assert {entry.key for entry in parsed.entries} <= {ALICE, BOB}
    assert parsed.find(BOB, HERE, NOW) is not None
    for address in (HERE, "2001:db8::1", "fe80::1%eth0"):
        parsed.find(ALICE, address, NOW)


@given(st.text(st.characters(exclude_characters="\r\n\\", exclude_categories=["Cs", "Zl", "Zp", "Cc"]), max_size=40))
def test_a_command_comes_back_as_it_was_quoted(command: str) -> None:
    quoted = command.replace('"', '\\"')
    (entry,) = AuthorizedKeys.parse(f'restrict,command="{quoted}" {ALICE.line()}').entries
    assert entry.options.command == command
