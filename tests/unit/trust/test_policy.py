"""What the policy does about known, unknown, changed and revoked host keys, and what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import (
    ConfigError,
    HostKeyChanged,
    HostKeyError,
    HostKeyRevoked,
    HostKeyUnknown,
    KnownHostsError,
)
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.trust import (
    Accept,
    AcceptAndRemember,
    Ask,
    HostKeyPolicy,
    HostKeyQuestion,
    KnownHosts,
    Status,
    append,
)
from tests.support.peers import require_tool

HOST, PORT = "Host.example", 2222
NAME = "[host.example]:2222"
KEY, OTHER = generate().public, generate().public
ECDSA = generate("ecdsa").public


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "known hosts"


def judge(strict: str, path: Path) -> object:
    return HostKeyPolicy(strict, [path]).judge(HOST, PORT, "192.0.2.1", KEY)


@pytest.mark.parametrize("strict", ["ask", "accept-new", "yes", "no"])
def test_known(strict: str, path: Path) -> None:
    append(path, HOST, PORT, KEY)
    judgement = judge(strict, path)
    assert isinstance(judgement, Accept)
    assert judgement.entry is not None
    assert judgement.entry.line == 1
    assert judgement.warning is None
    assert judgement.secrets_allowed


def test_unknown(path: Path) -> None:
    assert isinstance(judge("ask", path), Ask)
    assert judge("accept-new", path) == AcceptAndRemember()
    assert judge("no", path) == AcceptAndRemember()
    with pytest.raises(HostKeyUnknown) as caught:
        judge("yes", path)
    assert caught.value.fingerprint == KEY.fingerprint
    assert KEY.fingerprint in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("strict", ["ask", "accept-new", "yes"])
def test_changed_is_refused(strict: str, path: Path) -> None:
    append(path, "before.example", 22, KEY)
    append(path, HOST, PORT, ECDSA)
    append(path, HOST, PORT, OTHER)
    before = path.read_bytes()
    with pytest.raises(HostKeyChanged) as caught:
        judge(strict, path)
    error = caught.value
    assert error.fingerprint == KEY.fingerprint
    assert list(error.known_fingerprints) == [OTHER.fingerprint, ECDSA.fingerprint]
    assert (error.file, error.line) == (str(path), 3)
    for part in (
        KEY.fingerprint,
        OTHER.fingerprint,
        f"{path}:3",
        f"{path}:2",
        "ssh-keygen -lf /etc/ssh/ssh_host_ed25519",
    ):
        assert part in str(error)
    # What matters comes first, and briefly; nothing is said twice.
    head = [f"host key: THE HOST KEY OF {NAME} HAS CHANGED"]
    head += [f"    known: ED25519 {OTHER.fingerprint} ({path}:3)", f"    known: ECDSA {ECDSA.fingerprint} ({path}:2)"]
    head += [f"    shown: ED25519 {KEY.fingerprint}"]
    assert str(error).splitlines()[:4] == head
    assert str(error).count(KEY.fingerprint) == 1
    assert path.read_bytes() == before


def test_the_advice_of_a_changed_key_works(path: Path) -> None:
    append(path, "before.example", 22, KEY)
    append(path, HOST, PORT, OTHER, hashed=True)
    with pytest.raises(HostKeyChanged) as caught:
        judge("ask", path)
    command = shlex.split(caught.value.remove_commands[1])
    command[0] = require_tool(command[0], "openssh-client")
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert isinstance(judge("ask", path), Ask)
    assert len(KnownHosts.load([path]).entries) == 1


def test_a_changed_key_that_a_pattern_knows(path: Path) -> None:
    path.write_text(f"*host* {OTHER.line()}\n")
    with pytest.raises(HostKeyChanged, match=r"line 1 of .* with an editor"):
        judge("ask", path)


@pytest.mark.parametrize("marker", ["", "@revoked "])
def test_no_goes_on_without_secrets(marker: str, path: Path) -> None:
    path.write_text(f"{marker}{NAME} {(KEY if marker else OTHER).line()}\n")
    before = path.read_bytes()
    judgement = judge("no", path)
    assert isinstance(judgement, Accept)
    assert isinstance(judgement.warning, HostKeyRevoked if marker else HostKeyChanged)
    assert not judgement.secrets_allowed
    assert path.read_bytes() == before


@pytest.mark.parametrize("strict", ["ask", "accept-new", "yes"])
def test_revoked_is_refused(strict: str, path: Path) -> None:
    path.write_text(f"{NAME} {KEY.line()}\n@revoked * {KEY.line()}\n")
    with pytest.raises(HostKeyRevoked, match=rf"revoked in .*:2.*{re.escape(KEY.fingerprint)}") as caught:
        judge(strict, path)
    assert caught.value.fingerprint == KEY.fingerprint


def test_both_errors_are_host_key_errors() -> None:
    for error in (HostKeyChanged, HostKeyRevoked, HostKeyUnknown):
        assert issubclass(error, HostKeyError)


@pytest.mark.parametrize("hashed", [False, True])
def test_remember(hashed: bool, tmp_path: Path) -> None:
    user, second, system = (tmp_path / name for name in ("user", "second", "system"))
    policy = HostKeyPolicy("ask", [user, second], [system], hash_known_hosts=hashed)
    assert isinstance(policy.judge(HOST, PORT, None, KEY), Ask)
    told = policy.remember(HOST, PORT, KEY)
    assert told is not None
    assert NAME in told
    assert str(user) in told
    assert isinstance(policy.judge(HOST, PORT, None, KEY), Accept)
    assert user.read_text().startswith("|1|") is hashed
    assert not second.exists()
    assert not system.exists()


def test_nowhere_to_remember(tmp_path: Path) -> None:
    policy = HostKeyPolicy("ask", [], [tmp_path / "system"])
    judgement = policy.judge(HOST, PORT, None, KEY)
    assert isinstance(judgement, Ask)
    assert judgement.question.file is None
    assert "for this connection only" in judgement.question.text()
    assert policy.remember(HOST, PORT, KEY) is None
    with pytest.raises(KnownHostsError):
        HostKeyPolicy("ask", [tmp_path]).remember(HOST, PORT, KEY)


def test_known_by_the_global_file_only(tmp_path: Path) -> None:
    append(tmp_path / "system", HOST, PORT, KEY)
    assert isinstance(
        HostKeyPolicy("yes", [tmp_path / "user"], [tmp_path / "system"]).judge(HOST, PORT, None, KEY), Accept
    )


def test_bad_lines_are_warnings(path: Path) -> None:
    path.write_text("half\n")
    policy = HostKeyPolicy("ask", [path])
    assert isinstance(policy.judge(HOST, PORT, None, KEY), Ask)
    assert [warning.line for warning in policy.warnings] == [1]


def test_key_types_in_order(path: Path) -> None:
    policy = HostKeyPolicy("ask", [path])
    assert policy.known_key_types(HOST, PORT) == []
    append(path, HOST, PORT, ECDSA)
    assert policy.known_key_types(HOST, PORT) == ["ecdsa-sha2-nistp256"]


@pytest.mark.parametrize(
    ("word", "meaning"), [("off", "no"), ("FALSE", "no"), (False, "no"), (True, "yes"), ("Accept-New", "accept-new")]
)
def test_words(word: str | bool, meaning: str) -> None:
    assert HostKeyPolicy(word).strict_host_key_checking == meaning


def test_unknown_word() -> None:
    with pytest.raises(ConfigError, match="accept-new"):
        HostKeyPolicy("perhaps")


class TestQuestion:
    def question(self, path: Path) -> HostKeyQuestion:
        judgement = judge("ask", path)
        assert isinstance(judgement, Ask)
        return judgement.question

    def test_text(self, path: Path) -> None:
        text = self.question(path).text()
        for part in (NAME, "(192.0.2.1)", "ED25519", KEY.fingerprint, str(path), "not known by any other names"):
            assert part in text
        assert text.endswith("(yes/no/[fingerprint])? ")
        assert KEY.fingerprint_md5 in text
        assert KEY.randomart in text
        assert KEY.randomart not in self.question(path).text(visual=False)

    def test_fields(self, path: Path) -> None:
        question = self.question(path)
        assert (question.host, question.port, question.address) == (HOST, PORT, "192.0.2.1")
        assert (question.key_type, question.fingerprint) == ("ED25519", KEY.fingerprint)
        assert question.fingerprint_md5.startswith("MD5:")
        assert question.randomart == KEY.randomart
        assert question.file == path

    def test_the_same_key_under_other_names(self, path: Path) -> None:
        append(path, "other.example", 22, KEY)
        append(path, "secret.example", 22, KEY, hashed=True)
        append(path, "unrelated.example", 22, OTHER)
        question = self.question(path)
        assert [entry.line for entry in question.other_names] == [1, 2]
        assert f"{path}:1: other.example" in question.text()
        assert f"{path}:2: [hashed name]" in question.text()
        assert "unrelated" not in question.text()
        for number in range(20):
            append(path, f"host{number}.example", 22, KEY)
        assert "host5.example" in self.question(path).text()
        assert "host6.example" not in self.question(path).text()
        assert "and 14 more" in self.question(path).text()

    def test_another_key_of_the_same_machine(self, path: Path) -> None:
        append(path, HOST, 22, OTHER)
        question = self.question(path)
        assert [entry.line for entry in question.known_keys] == [1]
        assert f"ED25519 {OTHER.fingerprint} ({path}:1)" in question.text()

    @pytest.mark.parametrize(
        ("typed", "meaning"),
        [
            ("yes", True),
            (" YES\n", True),
            (KEY.fingerprint, True),
            (KEY.fingerprint_md5, True),
            ("no", False),
            ("y", None),
            ("", None),
            (f"{KEY.fingerprint}=", True),
            (KEY.fingerprint.removeprefix("SHA256:"), True),
            (OTHER.fingerprint.removeprefix("SHA256:"), None),
            (f"256 {KEY.fingerprint} root@host (ED25519)", True),
            (f"256 {KEY.fingerprint_md5} root@host (ED25519)", True),
            (KEY.fingerprint_md5.removeprefix("MD5:").upper(), True),
            ("SHA256:short", None),
        ],
    )
    def test_answers(self, typed: str, meaning: bool | None, path: Path) -> None:
        assert self.question(path).answer(typed) is meaning

    @pytest.mark.parametrize(
        "typed",
        [
            OTHER.fingerprint,
            OTHER.fingerprint_md5,
            KEY.fingerprint[:-1],
            f"256 {OTHER.fingerprint} root@host (ED25519)",
            f"{KEY.fingerprint} {OTHER.fingerprint}",
        ],
    )
    def test_the_fingerprint_of_another_key(self, typed: str, path: Path) -> None:
        with pytest.raises(HostKeyUnknown, match="does not have the fingerprint that was given") as caught:
            self.question(path).answer(typed)
        assert KEY.fingerprint in str(caught.value) or KEY.fingerprint_md5 in str(caught.value)
        assert "ED25519" in str(caught.value)

    def test_refusals(self, path: Path) -> None:
        policy = HostKeyPolicy("ask", [path])
        for asked in (True, False):
            error = policy.refused(self.question(path), asked=asked)
            assert isinstance(error, HostKeyUnknown)
            assert error.fingerprint == KEY.fingerprint
            assert NAME in str(error)
            assert ("accept-new" in str(error)) is not asked
        assert KnownHosts.load([path]).check(HOST, PORT, KEY).status is Status.UNKNOWN


class TestCheckHostIP:
    """What is done about the address of a known host; tests/peers/trust/test_check_host_ip.py asks ssh the same."""

    ADDRESS = "192.0.2.1"

    def judge(self, path: Path, strict: str = "ask", address: str | None = ADDRESS, **options: bool) -> object:
        policy = HostKeyPolicy(strict, [path], **{"check_host_ip": True, **options})
        return policy.judge(HOST, PORT, address, KEY)

    def test_the_address_is_remembered_too(self, path: Path) -> None:
        policy = HostKeyPolicy("accept-new", [path], check_host_ip=True)
        told = policy.remember(HOST, PORT, KEY, self.ADDRESS)
        assert told is not None
        assert "'[192.0.2.1]:2222'" in told
        assert [entry.hosts for entry in KnownHosts.load([path]).entries] == [NAME, "[192.0.2.1]:2222"]
        judgement = self.judge(path)
        assert isinstance(judgement, Accept)
        assert judgement.new_address is None

    def test_a_new_address_of_a_known_host(self, path: Path) -> None:
        append(path, HOST, PORT, KEY)
        judgement = self.judge(path)
        assert isinstance(judgement, Accept)
        assert judgement.new_address == self.ADDRESS
        assert judgement.updates

    @pytest.mark.parametrize("address", [None, "127.0.0.1", "127.8.8.8", "::1", "::1%lo"])
    def test_addresses_that_do_not_count(self, address: str | None, path: Path) -> None:
        append(path, HOST, PORT, KEY)
        if address is not None:
            append(path, address, PORT, OTHER)
        for options in ({}, {"check_host_ip": False}):
            judgement = self.judge(path, "yes", address, **options)
            assert isinstance(judgement, Accept)
            assert judgement.new_address is None

    def test_another_key_of_the_address(self, path: Path) -> None:
        append(path, HOST, PORT, KEY)
        append(path, self.ADDRESS, PORT, OTHER)
        asked = self.judge(path)
        assert isinstance(asked, Ask)
        text = asked.question.text()
        assert f"is the known one for host '{NAME}', but not for its address" in text
        assert OTHER.fingerprint in text
        assert "Your yes is for this connection only." in text
        for strict in ("yes", "accept-new"):
            with pytest.raises(HostKeyChanged, match="differs from the key known for its address"):
                self.judge(path, strict)
        judgement = self.judge(path, "no")
        assert isinstance(judgement, Accept)
        assert judgement.notes[0].startswith("WARNING: ")
        assert judgement.secrets_allowed
        assert not judgement.updates

    def test_a_key_that_is_revoked_for_the_address(self, path: Path) -> None:
        path.write_text(f"{NAME} {KEY.line()}\n@revoked [192.0.2.1]:2222 {KEY.line()}\n")
        for strict in ("yes", "accept-new", "ask"):
            with pytest.raises(HostKeyRevoked):
                self.judge(path, strict)
        judgement = self.judge(path, "no")
        assert isinstance(judgement, Accept)
        assert not judgement.secrets_allowed
