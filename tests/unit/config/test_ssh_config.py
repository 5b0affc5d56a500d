"""Files: blocks, Include, quoting, permissions."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.config import ConfigFile, Options, chosen_files, default_files, hosts, resolve
from jupyter_ssh.ssh.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".ssh").mkdir(mode=0o700)
    return tmp_path


def write(home: Path, text: str | bytes, name: str = "config") -> Path:
    path = home / ".ssh" / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def read(home: Path, target: str = "host", **given: Any) -> Options:
    return resolve(target, files=default_files(home, None), user_name="alice", home=home, **given)


def test_no_file_is_no_error(home: Path) -> None:
    assert read(home).port == 22


def test_host_blocks(home: Path) -> None:
    write(
        home, "User first\nHost web* !web9\n  Port 1\nHost other 'web1'\n  Port 2\n  Compression yes\nHost *\nPort 3\n"
    )
    assert (read(home, "web1").port, read(home, "web1").compression) == (1, True)
    assert read(home, "web9").port == 3
    assert read(home, "other").port == 2
    assert read(home, "x").user == "first"


def test_lines_of_every_form(home: Path) -> None:
    lines = [b"# c", b"Port=1", b"\tUser = 'a b'  # c", b"", b"  ServerAliveInterval\t7", b'UserKnownHostsFile "a b" c']
    write(home, b"\xef\xbb\xbf" + b"\r\n".join(lines))
    resolved = read(home)
    assert (resolved.port, resolved.user, resolved.server_alive_interval) == (1, "a b", 7)
    assert resolved.user_known_hosts_file == ("a b", "c")


def test_bytes_that_are_no_text_survive(home: Path) -> None:
    write(home, b"IdentityFile /keys/\xff\n")
    assert os.fsencode(read(home).identity_file[0]) == b"/keys/\xff"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Match all\nPort 1", 1),
        ("Match host host\nPort 1", 1),
        ("Match host=host\nPort 1", 1),
        ("Match Host a,h*\nPort 1", 1),
        ("Match host = host\nPort 1", 1),
        ("Match host host all\nPort 1", 1),
        ("Match !all\nPort 1", 22),
        ("Match !host host\nPort 1", 22),
        ("Match host host user alice\nPort 1", 1),
        ("Match host host user bob\nPort 1", 22),
        ("Match !user bob\nPort 1", 1),
        ("User bob\nMatch user bob localuser alice\nPort 1", 1),
        ("HostName real\nMatch host host\nPort 1", 22),
        ("HostName real\nMatch host real originalhost host\nPort 1", 1),
        ("Match canonical all\nPort 1", 22),
        ("Match !canonical all\nPort 1", 1),
        ("Match final all\nPort 1\nMatch all\nPort 2", 2),
        ("Match final all\nPort 1", 1),
        ("HostName real\nHost real\nPort 1\nMatch final all\nCompression yes", 1),
        ("Host other\nPort 1\nMatch originalhost host\nPort 2", 2),
    ],
)
def test_match(home: Path, text: str, expected: int) -> None:
    write(home, text)
    assert read(home).port == expected
    assert read(home).warnings == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Match", "line 1: no argument"),
        ("Match nonsense x", "Unsupported Match attribute nonsense"),
        ("Match host", "missing argument for Match 'host'"),
        ("Match all host x", "'all' cannot be combined"),
        ("Match all final", "'all' cannot be combined"),
        ("Host", "line 1: no argument"),
        ("Include", "line 1: no argument"),
        ("\n\nFoo 1\nBar 2\n", "line 3: Bad configuration option: Foo; .*line 4: Bad configuration option: Bar"),
        ("Host other\nPort x", "line 2: Bad port"),
        ("Host 'x", "line 1: invalid quotes"),
    ],
)
def test_errors_name_file_and_line(home: Path, text: str, words: str) -> None:
    path = write(home, text)
    with pytest.raises(ConfigError, match=words) as caught:
        read(home)
    assert str(path) in str(caught.value)


def test_include(home: Path) -> None:
    (home / ".ssh" / "conf.d").mkdir()
    write(home, "Port 1\n", "conf.d/b")
    write(home, "Port 2\nHost host\nUser bob\nHost other\nCompression yes\n", "conf.d/a")
    write(home, "Include conf.d/* missing\nBatchMode yes\nHost none\nInclude deep\n")
    write(home, "Host *\nHashKnownHosts yes\n", "deep")
    resolved = read(home)
    assert (resolved.port, resolved.user) == (2, "bob")
    # What a Host line inside the file switched off is on again behind the Include; an Include in a block that does
    # not match switches nothing on.
    assert (resolved.batch_mode, resolved.compression, resolved.hash_known_hosts) == (True, False, False)
    write(home, f"Include ~/.ssh/deep\nInclude {home}/.ssh/conf.d/[b]\n")
    assert (read(home).hash_known_hosts, read(home).port) == (True, 1)


def test_endless_include(home: Path) -> None:
    write(home, "Host a b\nInclude config\nHost c\nInclude con* config\n")
    with pytest.raises(ConfigError, match=r"Too many recursive.*files that include each other"):
        read(home)
    assert hosts(default_files(home, None), home) == ["a", "b", "c"]


def accounts(monkeypatch: pytest.MonkeyPatch, path: Path, *in_group: str, listed: tuple[str, ...] = ()) -> None:
    """Has the group of a file be the own group of these accounts, "me" being its owner, and list these members."""
    status = path.stat()

    def account(name: str, group: int) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", status.st_uid if name == "me" else 12345, group, "", "/", "/bin/sh"))

    known = [account(name, status.st_gid if name in in_group else status.st_gid + 1) for name in ("me", "other")]
    group = grp.struct_group(("of-me", "x", status.st_gid, list(listed)))
    monkeypatch.setattr(pwd, "getpwall", lambda: known)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: known[0])
    monkeypatch.setattr(grp, "getgrgid", lambda gid: group)


@pytest.mark.parametrize(
    ("in_group", "listed"), [(["me"], ()), (["me"], ("me",)), ([], ("me",))], ids=["primary", "both", "listed"]
)
def test_a_group_may_write_that_is_the_owner_s_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, in_group: list[str], listed: tuple[str, ...]
) -> None:
    path = write(home, "Port 7\n")
    path.chmod(0o664)
    accounts(monkeypatch, path, *in_group, listed=listed)
    assert read(home).port == 7
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="Bad owner or permissions on"):
        read(home)


@pytest.mark.parametrize(
    ("in_group", "listed"), [(["me", "other"], ()), (["me"], ("other",)), (["me"], ("me", "other")), ([], ())]
)
def test_a_group_with_others_in_it_may_not(
    home: Path, monkeypatch: pytest.MonkeyPatch, in_group: list[str], listed: tuple[str, ...]
) -> None:
    path = write(home, "Port 7\n")
    path.chmod(0o664)
    accounts(monkeypatch, path, *in_group, listed=listed)
    with pytest.raises(ConfigError, match="Bad owner or permissions on"):
        read(home)


@pytest.mark.parametrize("mode", [0o622, 0o602])
def test_a_file_others_may_write_is_refused(home: Path, mode: int) -> None:
    path = write(home, "Port 1\n")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="Bad owner or permissions on"):
        read(home)
    included = write(home, "Port 2\n", "more")
    included.chmod(mode)
    path.chmod(0o600)
    path.write_text("Include more\n")
    with pytest.raises(ConfigError, match=f"Bad owner or permissions on {included}"):
        read(home)


def test_a_file_named_on_the_command_line_is_required_and_may_belong_to_anybody(home: Path) -> None:
    path = write(home, "Port 1\n", "mine")
    path.chmod(0o666)
    assert resolve("host", files=chosen_files("~/.ssh/mine", home), user_name="a", home=home).port == 1
    assert chosen_files("none", home) == []
    with pytest.raises(ConfigError, match=r"Can't open user config file .*missing: No such file"):
        resolve("host", files=chosen_files(home / "missing", home), user_name="a", home=home)


def test_an_unreadable_default_file_is_a_warning(home: Path) -> None:
    (home / ".ssh" / "config").symlink_to("config")  # a loop
    assert "ignored" in read(home).warnings[0]


def test_a_folder_where_a_file_should_be_is_empty(home: Path) -> None:
    (home / ".ssh" / "config").mkdir()
    assert read(home).port == 22


def test_a_file_without_end_is_refused(home: Path) -> None:
    with pytest.raises(ConfigError, match="larger than"):
        resolve("host", files=[ConfigFile(Path("/dev/zero"))], user_name="a", home=home)


def test_files_that_multiply_are_refused(home: Path) -> None:
    for number in range(8):
        write(home, f"Include deep{number + 1}\n" * 8, f"deep{number}")
    write(home, "Port 1\n", "deep8")
    write(home, "Include deep0\n")
    with pytest.raises(ConfigError, match=r"deep\d line \d: more than 2000 files"):
        read(home)


def test_a_line_of_many_megabytes_and_a_file_of_nonsense(home: Path) -> None:
    write(home, "User " + "a" * 3_000_000 + "\n")
    with pytest.raises(ConfigError, match="User is longer than"):
        read(home)
    path = write(home, b"\x7fELF\x00\xff\n" + b"\xfe\x01 1\n" * 100_000)
    with pytest.raises(ConfigError) as caught:
        read(home)
    assert f"{path} line 20" in str(caught.value)
    assert "line 22" not in str(caught.value)  # not all of them are named
    assert str(caught.value).isprintable()


def test_a_file_of_a_million_lines(home: Path) -> None:
    write(home, "\n" * 1_000_000 + "Port 7\n")
    assert read(home).port == 7
    write(home, "\n" * 1_000_000 + "Port x\n")
    with pytest.raises(ConfigError, match="line 1000001: Bad port 'x'"):
        read(home)


def test_an_included_file_must_be_readable_and_no_others_to_write(home: Path) -> None:
    (home / ".ssh" / "loop").symlink_to("loop")
    (home / ".ssh" / "nowhere").symlink_to("missing")
    write(home, "Port 1\nInclude nowhere\n")
    assert read(home).port == 1
    write(home, "Port 1\nInclude loop\n")
    with pytest.raises(ConfigError, match=r"line 2: Can't open user config file .*loop: Too many levels"):
        read(home)
    (home / ".ssh" / "folder").mkdir()
    write(home, "Include folder\n")
    assert read(home).port == 22
    write(home, "Port 2\n", "open").chmod(0o666)
    chosen = write(home, "Include ~/.ssh/open\n", "chosen")
    with pytest.raises(ConfigError, match=r"Bad owner or permissions on .*open"):
        resolve("host", files=chosen_files(chosen, home), user_name="a", home=home)


def test_what_include_expands(home: Path) -> None:
    write(home, "Port 1\n", "for-host")
    write(home, "User included\n", "for-alice")
    write(home, "Include for-%h ${WHO}\n")
    options = read(home, environment={"WHO": "for-alice"})
    assert (options.port, options.user) == (1, "included")
    with pytest.raises(ConfigError, match=r"line 1: environment variable WHO in Include is not set"):
        read(home)


def test_hosts_for_completion_pass_over_everything_else(home: Path) -> None:
    write(home, "Host web db* !x\nNonsense\nHost 'open\nInclude more\nHost web\nMatch host y\nHost last # z\n")
    write(home, "Host inner\n", "more")
    assert hosts([*default_files(home, None), ConfigFile(home / "missing")], home) == ["web", "inner", "last"]


_LINES = st.lists(st.text("HostMachIncludePr 0*!='\"\\#%${}\t\r\n~/.", max_size=30), max_size=6)


@given(_LINES, st.binary(max_size=40))
def test_any_bytes_are_options_or_a_typed_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], noise: bytes
) -> None:
    home = tmp_path_factory.getbasetemp()
    file = home / "any"
    file.write_bytes("\n".join(lines).encode() + b"\n" + noise)
    with contextlib.suppress(ConfigError):
        resolve("host", files=[file], user_name="alice", home=home)
    hosts([ConfigFile(file)], home)
