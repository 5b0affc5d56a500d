"""known_hosts files: reading, looking up, judging, appending."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFormatError, KnownHostsError
from jupyter_ssh.ssh.keys import PublicKey, generate
from jupyter_ssh.ssh.trust import KnownHosts, Marker, Status, append
from jupyter_ssh.ssh.trust.host_file import MAX_WARNINGS
from jupyter_ssh.ssh.wire.types import string
from tests.support.peers import require_tool
from tests.unit.trust.openssh import found_by_ssh_keygen

ED, OTHER = generate().public, generate().public
ECDSA = generate("ecdsa").public
RSA = generate("rsa", 2048).public
STRANGE = f"ssh-strange@example.com {base64.b64encode(string('ssh-strange@example.com') + string(bytes(20))).decode()}"


def load(path: Path, content: str | bytes) -> KnownHosts:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return KnownHosts.load([path])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


class TestReading:
    def test_every_kind_of_line(self, path: Path) -> None:
        known_hosts = load(
            path,
            f"\ufeff# comment\r\n\r\n   \t\r\nfirst.example,192.0.2.1 {ED.line('comment')}\r\n"
            f"  *.wild.example,!not.wild.example\t{ECDSA.line()}\r\n@revoked gone.example {OTHER.line()}\r\n"
            f"@cert-authority *.ca.example {OTHER.line()} words of a comment\r\nFIRST.example {STRANGE}",
        )
        assert known_hosts.warnings == []
        assert [(entry.line, entry.marker, entry.hosts) for entry in known_hosts.entries] == [
            (4, Marker.NONE, "first.example,192.0.2.1"),
            (5, Marker.NONE, "*.wild.example,!not.wild.example"),
            (6, Marker.REVOKED, "gone.example"),
            (7, Marker.CERT_AUTHORITY, "*.ca.example"),
            (8, Marker.NONE, "FIRST.example"),
        ]

        def lines(host: str, address: str | None = None) -> list[int]:
            return [entry.line for entry in known_hosts.lookup(host, 22, address)]

        assert lines("First.Example") == [4, 8]
        assert lines("unknown.example", "192.0.2.1") == [4]
        assert lines("first.example", "192.0.2.1") == [4, 8]
        assert lines("a.wild.example") == [5]
        assert lines("not.wild.example") == []
        assert lines("gone.example") == [6]
        assert lines("x.ca.example") == [7]
        assert known_hosts.lookup("first.example")[0].key() == ED
        with pytest.raises(KeyFormatError, match="unknown key type"):
            known_hosts.lookup("first.example")[1].key()
        assert known_hosts.hosts() == ["first.example", "192.0.2.1", "FIRST.example"]
        assert known_hosts.known_key_types("first.example") == ["ssh-ed25519", "ssh-strange@example.com"]

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("host", "cut off"),
            ("host ssh-ed25519", "cut off"),
            ("host # ssh-ed25519", "cut off"),
            (f"host {ED.line()[:-7]}", "base64"),
            (f"host {ED.line()[:-8]}", "incomplete"),
            (f"host {ED.line()}AAAA", "incomplete"),
            ("host ssh-ed25519 !!!!", "base64"),
            ("host ssh-ed25519 AAAA", "incomplete"),
            ("host ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB", "incomplete"),
            ("host ssh-dss AAAAB3NzaC1kc3M=", "incomplete"),
            ("host ssh-ed25519 \u00e9", "base64"),
            (f"host ssh-rsa {ED.line().split()[1]}", "type that precedes it"),
            (f"@unknown host {ED.line()}", "marker"),
            (f"@revoked @cert-authority host {ED.line()}", "base64"),
            (f"|1|AAAA|AAAA {ED.line()}", "hashed"),
            ("host 1024 35 1234567890", "protocol 1"),
        ],
    )
    def test_bad_lines_are_told_and_left_out(self, line: str, why: str, path: Path) -> None:
        good = f"good.example {ED.line()}\n"
        known_hosts = load(path, f"{good}{line}\n{good}{line}")
        assert [(warning.file, warning.line) for warning in known_hosts.warnings] == [(path, 2), (path, 4)]
        for warning in known_hosts.warnings:
            assert why in warning.why
            assert str(warning) == f"{path}:{warning.line}: {warning.why}"
        assert [entry.line for entry in known_hosts.lookup("good.example")] == [1, 3]
        assert known_hosts.lookup("host") == []

    def test_a_half_written_last_line(self, path: Path) -> None:
        line = f"host.example {RSA.line()}"
        for size in range(1, len(line)):
            known_hosts = load(path, f"good.example {ED.line()}\n{line[:size]}")
            assert [warning.line for warning in known_hosts.warnings] == [2], line[:size]
            assert known_hosts.check("host.example", 22, RSA).status is Status.UNKNOWN
            assert known_hosts.check("good.example", 22, ED).status is Status.KNOWN

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        good = tmp_path / "good"
        good.write_text(f"good.example {ED.line()}\n")
        utf16 = tmp_path / "utf16"
        utf16.write_text(f"other.example {ED.line()}\n", encoding="utf-16")
        places = [tmp_path / "missing", tmp_path, utf16, Path(os.devnull), Path("a\0b"), good]
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe")
            places.append(tmp_path / "pipe")
        known_hosts = KnownHosts.load(places)
        warned = {warning.file: warning for warning in known_hosts.warnings}
        assert set(warned) == set(places) - {tmp_path / "missing", Path(os.devnull), good}
        assert all(warning.line == 0 for warning in warned.values())
        assert "UTF-16" in str(warned[utf16])
        assert known_hosts.check("good.example", 22, ED).status is Status.KNOWN

    @pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may read everything")
    def test_a_file_without_permission(self, path: Path) -> None:
        path.touch(0o000)
        assert "cannot be read" in KnownHosts.load([path]).warnings[0].why

    def test_junk_is_told_in_few_words(self, path: Path) -> None:
        known_hosts = load(path, b"\xff\0 x\n" * 5000 + f"good.example {ED.line()}\n".encode())
        assert len(known_hosts.warnings) == MAX_WARNINGS + 1
        assert "4900 more" in str(known_hosts.warnings[-1])
        assert known_hosts.check("good.example", 22, ED).status is Status.KNOWN

    @given(st.binary(max_size=400), st.text(max_size=10))
    def test_any_bytes(self, tmp_path_factory: pytest.TempPathFactory, junk: bytes, host: str) -> None:
        path = tmp_path_factory.mktemp("any") / "known_hosts"
        line = f"good.example {ED.line()}".encode()
        known_hosts = load(path, line + b"\n" + junk + b"\n@revoked " + junk + b"\n" + line)
        assert known_hosts.check("good.example", 22, ED).status is Status.KNOWN
        known_hosts.check(host, 22, ED)
        assert all("\n" not in str(warning) for warning in known_hosts.warnings)
        known_hosts.hosts()

    def test_refresh(self, path: Path) -> None:
        known_hosts = KnownHosts.load([path])
        assert known_hosts.check("new.example", 22, ED).status is Status.UNKNOWN
        append(path, "new.example", 22, ED)
        known_hosts.refresh()
        assert known_hosts.check("new.example", 22, ED).status is Status.KNOWN
        path.unlink()
        known_hosts.refresh()
        assert known_hosts.check("new.example", 22, ED).status is Status.UNKNOWN

    def test_several_files_in_their_order(self, tmp_path: Path) -> None:
        for name, key in (("one", ED), ("two", OTHER), ("three", ECDSA)):
            append(tmp_path / name, "host.example", 22, key)
        known_hosts = KnownHosts.load([tmp_path / "two", tmp_path / "one", tmp_path / "three"])
        assert [entry.file.name for entry in known_hosts.lookup("host.example")] == ["two", "one", "three"]
        assert known_hosts.check("host.example", 22, ED).entry is not None
        assert known_hosts.check("host.example", 22, ED).status is Status.KNOWN


class TestChecking:
    @pytest.mark.parametrize(
        ("content", "host", "port", "status", "lines"),
        [
            ("", "h", 22, Status.UNKNOWN, []),
            (f"h {ED.line()}", "h", 22, Status.KNOWN, [1]),
            (f"h {OTHER.line()}", "h", 22, Status.CHANGED, [1]),
            (f"h {ECDSA.line()}", "h", 22, Status.CHANGED, [1]),
            (f"h {ECDSA.line()}\nh {OTHER.line()}", "h", 22, Status.CHANGED, [2, 1]),
            (f"h {OTHER.line()}\nh {ED.line()}", "h", 22, Status.KNOWN, [2]),
            (f"h {STRANGE}", "h", 22, Status.UNKNOWN, []),
            (f"@cert-authority h {OTHER.line()}", "h", 22, Status.UNKNOWN, []),
            (f"@cert-authority h {ED.line()}", "h", 22, Status.UNKNOWN, []),
            (f"@revoked * {ED.line()}\nh {ED.line()}", "h", 22, Status.REVOKED, [1]),
            (f"@revoked * {OTHER.line()}\nh {ED.line()}", "h", 22, Status.KNOWN, [2]),
            (f"@revoked * {OTHER.line()}", "h", 22, Status.UNKNOWN, []),
            (f"[h]:2222 {ED.line()}", "h", 2222, Status.KNOWN, [1]),
            (f"[h]:2222 {OTHER.line()}", "h", 2222, Status.CHANGED, [1]),
            (f"[h]:2222 {OTHER.line()}", "h", 22, Status.UNKNOWN, []),
            (f"[h]:2222 {OTHER.line()}", "h", 2223, Status.UNKNOWN, []),
            (f"h {ED.line()}", "h", 2222, Status.KNOWN, [1]),
            (f"h {OTHER.line()}", "h", 2222, Status.UNKNOWN, []),
            (f"h {ED.line()}\n[h]:2222 {OTHER.line()}", "h", 2222, Status.CHANGED, [2]),
            (f"@revoked h {ED.line()}", "h", 2222, Status.REVOKED, [1]),
            (f"@revoked h {ED.line()}\n[h]:2222 {ED.line()}", "h", 2222, Status.REVOKED, [1]),
        ],
    )
    def test_verdicts(self, content: str, host: str, port: int, status: Status, lines: list[int], path: Path) -> None:
        verdict = load(path, content).check(host, port, ED)
        assert verdict.status is status
        assert [entry.line for entry in verdict.entries] == lines

    def test_what_is_worth_telling_about_an_unknown_host(self, path: Path) -> None:
        known_hosts = load(
            path, f"h {OTHER.line()}\n[h]:2222 {STRANGE}\nother.example,x {ED.line()}\nh2 {ECDSA.line()}\n"
        )
        verdict = known_hosts.check("h", 2222, ED)
        assert verdict.status is Status.UNKNOWN
        assert [entry.line for entry in verdict.others] == [2, 1]
        assert [entry.line for entry in known_hosts.others_with(ED, verdict.name)] == [3]
        assert known_hosts.others_with(ED, "x") == []

    def test_key_types_of_the_bare_name_where_the_port_has_none(self, path: Path) -> None:
        known_hosts = load(path, f"h {ED.line()}\n[h]:2222 {ECDSA.line()}\n@revoked * {OTHER.line()}\n")
        assert known_hosts.known_key_types("h", 22) == ["ssh-ed25519"]
        assert known_hosts.known_key_types("h", 2222) == ["ecdsa-sha2-nistp256"]
        assert load(path, f"h {ED.line()}\n").known_key_types("h", 2222) == ["ssh-ed25519"]


class TestAppending:
    @pytest.mark.parametrize("hashed", [False, True])
    @pytest.mark.parametrize(("host", "port"), [("Host.example", 22), ("host.example", 2222), ("2001:db8::1", 2222)])
    def test_ssh_keygen_finds_it(self, host: str, port: int, hashed: bool, path: Path) -> None:
        append(path, "before.example", 22, OTHER)
        append(path, host, port, ED, hashed)
        tool = require_tool("ssh-keygen", "openssh-client")
        name = host if port == 22 else f"[{host}]:{port}"
        assert found_by_ssh_keygen(tool, path, name.lower()) == [2]
        known_hosts = KnownHosts.load([path])
        assert known_hosts.check(host, port, ED).status is Status.KNOWN
        assert known_hosts.entries[1].hashed is hashed
        assert (host.lower() in path.read_text()) is not hashed
        subprocess.run([tool, "-R", name.lower(), "-f", str(path)], check=True, capture_output=True, timeout=60)
        assert [entry.hosts for entry in KnownHosts.load([path]).entries] == ["before.example"]

    @pytest.mark.parametrize("end", ["", "\n", "\r\n", "half-written ssh-ed"])
    def test_the_last_line_gets_its_end(self, end: str, path: Path) -> None:
        path.write_text(f"before.example {OTHER.line()}" + ("\n" if end.startswith("half") else "") + end)
        before = path.read_bytes()
        append(path, "host.example", 22, ED)
        assert path.read_bytes().startswith(before)
        known_hosts = KnownHosts.load([path])
        assert known_hosts.check("before.example", 22, OTHER).status is Status.KNOWN
        assert known_hosts.check("host.example", 22, ED).status is Status.KNOWN
        assert b"\n\n" not in path.read_bytes()

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
    def test_modes(self, tmp_path: Path) -> None:
        path = tmp_path / "home" / ".ssh" / "known_hosts"
        path.parent.parent.mkdir()
        append(path, "host.example", 22, ED)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.chmod(0o644)
        append(path, "other.example", 22, ED)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    def test_links_are_followed(self, tmp_path: Path) -> None:
        link = tmp_path / "known_hosts"
        link.symlink_to(tmp_path / "dotfiles" / "hosts")
        append(link, "host.example", 22, ED)
        assert link.is_symlink()
        assert "host.example" in (tmp_path / "dotfiles" / "hosts").read_text()

    def test_many_at_once(self, path: Path) -> None:
        path.write_text("no end")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: append(path, f"host{number}.example", 22, ED), range(100)))
        # On a busy machine the lock may be waited for in vain: two may then end the last line, leaving an empty one.
        lines = [line for line in path.read_text().splitlines() if line]
        assert lines[0] == "no end"
        assert sorted(lines[1:]) == sorted(f"host{number}.example {ED.line()}" for number in range(100))

    @pytest.mark.parametrize("host", ["*", "a b", "a\nb", "a,b", "!a", "", "@revoked", "#"])
    def test_a_name_that_would_vouch_for_others(self, host: str, path: Path) -> None:
        with pytest.raises(KnownHostsError, match="cannot be written"):
            append(path, host, 22, ED)
        assert not path.exists()

    def test_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for place in (tmp_path, tmp_path / "file" / "known_hosts", Path("a\0b")):
            with pytest.raises(KnownHostsError):
                append(place, "host.example", 22, ED)

    def test_dev_null_forgets(self) -> None:
        append(os.devnull, "host.example", 22, ED)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
    def test_a_full_disk_leaves_the_file_as_it_was(self, path: Path) -> None:
        append(path, "before.example", 22, OTHER)
        before = path.read_bytes()
        program = f"""
import resource
from jupyter_ssh.ssh.errors import KnownHostsError
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.trust import append
key = generate().public
resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 10}, {len(before) + 10}))
try:
    append({str(path)!r}, "host.example", 22, key)
except KnownHostsError as error:
    print(error)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
        assert "cannot write" in done.stdout
        assert path.read_bytes() == before

    def test_a_lock_that_nobody_gives_back(self, path: Path) -> None:
        fcntl = pytest.importorskip("fcntl")
        with path.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            append(path, "host.example", 22, ED)
        assert KnownHosts.load([path]).check("host.example", 22, ED).status is Status.KNOWN


def test_a_key_is_compared_whole(path: Path) -> None:
    def key(number: int) -> PublicKey:
        return generate("ecdsa", (256, 384, 521)[number]).public

    keys = [key(number) for number in range(3)]
    known_hosts = load(path, "".join(f"h{number} {key.line()}\n" for number, key in enumerate(keys)))
    for number, known in enumerate(keys):
        assert known_hosts.check(f"h{number}", 22, known).status is Status.KNOWN
        assert known_hosts.check(f"h{number}", 22, key(number)).status is Status.CHANGED


@pytest.mark.parametrize("name", ["rsa-sha2-256", "rsa-sha2-512"])
@pytest.mark.parametrize("inside", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"])
def test_an_rsa_key_may_go_by_the_name_of_its_signatures(path: Path, name: str, inside: str) -> None:
    blob = string(inside) + RSA.blob[len(string("ssh-rsa")) :]
    known = load(path, f"host.example {name} {base64.b64encode(blob).decode()} a comment\n")
    assert not known.bad_lines("host.example")
    (entry,) = known.lookup("host.example", 22)
    assert (entry.key_type, entry.blob, entry.key()) == ("ssh-rsa", RSA.blob, RSA)
    assert known.check("host.example", 22, RSA).status is Status.KNOWN


@pytest.mark.parametrize("name", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"])
def test_another_key_does_not_go_by_that_name(path: Path, name: str) -> None:
    line = ED.line().split()[1]
    assert load(path, f"host.example {name} {line}\n").bad_lines("host.example")
