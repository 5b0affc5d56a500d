"""Logging in: passwords, questions, keys of every type with and without passphrase, several methods, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.keys.files.reading import load_private_key
from tests.peers.client_support import Person, reach
from tests.support.identities import ssh_keygen

NO_KEY: dict[str, Any] = {"identity_file": "none"}


@pytest.mark.parametrize(
    "server", ["openssh_server", "dropbear_server", "asyncssh_server", "paramiko_server"], indirect=True
)
async def test_a_password_that_was_given(server: Any) -> None:
    async with reach(server, password=server.password, preferred_authentications="password", **NO_KEY) as connection:
        assert connection.info.method == "password"


@pytest.mark.parametrize("server", ["asyncssh_server", "paramiko_server"], indirect=True)
async def test_questions(server: Any) -> None:
    person = Person(answers=[[answer for _, _, answer in server.questions]])
    async with reach(server, prompts=person, preferred_authentications="keyboard-interactive", **NO_KEY) as connection:
        assert connection.info.method == "keyboard-interactive"
    prefix = f"({server.user}@{server.host})"
    assert person.asked == [f"{prefix} Password: ", f"{prefix} Code: "]


async def test_wrong_answers_then_right_ones(asyncssh_server: Any) -> None:
    right = [answer for _, _, answer in asyncssh_server.questions]
    person = Person(answers=[["wrong", "answers"], right])
    async with reach(
        asyncssh_server, prompts=person, preferred_authentications="keyboard-interactive", **NO_KEY
    ) as connection:
        assert (await connection.run("echo in")).stdout == b"in\n"
    assert len(person.asked) == 4


async def test_a_given_password_answers_the_one_hidden_question(asyncssh_server: Any) -> None:
    asyncssh_server.questions = [("Password: ", False, asyncssh_server.password)]
    async with reach(
        asyncssh_server,
        password=asyncssh_server.password,
        preferred_authentications="keyboard-interactive",
        **NO_KEY,
    ) as connection:
        assert connection.info.method == "keyboard-interactive"


async def test_a_wrong_password_three_times(openssh_server: Any) -> None:
    person = Person(secrets=["wrong1", "wrong2", "wrong3", openssh_server.password])
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(openssh_server, prompts=person, **NO_KEY)
    error = caught.value
    assert [(method, outcome) for method, _, outcome in error.attempts] == [("password", "refused")] * 3
    assert "password" in error.methods
    assert error.phase == "authentication"
    assert error.next_step
    assert len(person.asked) == 3
    for secret in ("wrong1", "wrong2", "wrong3"):
        assert secret not in str(error)
        assert secret not in repr(error.attempts)


async def test_a_password_asked_for_and_asked_again(openssh_server: Any) -> None:
    person = Person(secrets=["wrong", openssh_server.password])
    async with reach(openssh_server, prompts=person, **NO_KEY) as connection:
        assert connection.info.method == "password"
    assert person.asked == [f"{openssh_server.user}@{openssh_server.host}'s password: "] * 2


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
@pytest.mark.parametrize("key_type", ["ed25519", "ecdsa", "rsa"])
async def test_keys_of_every_type(openssh_server: Any, tmp_path: Path, key_type: str, passphrase: str) -> None:
    path = ssh_keygen(tmp_path / "key", key_type, passphrase=passphrase)
    openssh_server.authorize(path.with_suffix(".pub").read_text())
    person = Person(secrets=["not it", passphrase])
    async with reach(openssh_server, identity_file=path, prompts=person) as connection:
        assert connection.info.method == "publickey"
        assert connection.info.key_fingerprint == load_private_key(path, passphrase or None).public.fingerprint
    assert len(person.asked) == (2 if passphrase else 0)


async def test_a_passphrase_is_asked_for_only_when_the_server_wants_the_key(
    openssh_server: Any, tmp_path: Path
) -> None:
    stranger = ssh_keygen(tmp_path / "stranger", passphrase="never asked for")
    person = Person()
    async with reach(openssh_server, identity_file=[stranger, openssh_server.client_key], prompts=person) as connection:
        assert connection.info.method == "publickey"
    assert person.asked == []


async def test_a_key_nobody_knows(openssh_server: Any, tmp_path: Path) -> None:
    stranger = ssh_keygen(tmp_path / "stranger")
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(openssh_server, identity_file=stranger, preferred_authentications="publickey")
    (attempt,) = caught.value.attempts
    assert attempt[0] == "publickey"
    assert str(stranger) in attempt[1]
    assert attempt[2] == "refused"
    assert "authorized_keys" in str(caught.value)


async def test_a_key_in_memory(openssh_server: Any) -> None:
    key = load_private_key(openssh_server.client_key)
    async with reach(openssh_server, identity_file=key) as connection:
        assert connection.info.key_fingerprint == key.public.fingerprint


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_text("no key"), "not a private key"),
        (lambda path: path.chmod(0o644), "chmod 600"),
    ],
)
async def test_a_key_file_that_cannot_be_used(openssh_server: Any, tmp_path: Path, spoil: Any, expected: str) -> None:
    path = ssh_keygen(tmp_path / "key")
    openssh_server.authorize(path.with_suffix(".pub").read_text())
    spoil(path)
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(openssh_server, identity_file=path, preferred_authentications="publickey")
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


async def test_several_methods_as_the_server_demands(openssh_server_factory: Any) -> None:
    server = openssh_server_factory("AuthenticationMethods publickey,password")
    person = Person(secrets=[server.password])
    async with reach(server, prompts=person) as connection:
        assert connection.info.method == "publickey, password"
        assert (await connection.run("echo in")).stdout == b"in\n"


async def test_a_second_key_after_partial_success(openssh_server_factory: Any, tmp_path: Path) -> None:
    server = openssh_server_factory("AuthenticationMethods publickey,publickey")
    second = ssh_keygen(tmp_path / "second", "ecdsa")
    server.authorize(second.with_suffix(".pub").read_text())
    async with reach(server, identity_file=[server.client_key, second]) as connection:
        assert connection.info.method == "publickey, publickey"


async def test_too_many_keys_before_the_right_one(openssh_server_factory: Any, tmp_path: Path) -> None:
    server = openssh_server_factory("MaxAuthTries 2")
    strangers = [ssh_keygen(tmp_path / f"stranger{n}") for n in range(4)]
    with pytest.raises(errors.AuthenticationError, match="Too many authentication failures") as caught:
        await reach(server, identity_file=[*strangers, server.client_key])
    assert len(caught.value.attempts) >= 1
    assert isinstance(caught.value.__cause__, errors.DisconnectedByPeer)


async def test_nobody_is_asked_in_batch_mode(openssh_server: Any) -> None:
    person = Person(secrets=[openssh_server.password])
    with pytest.raises(errors.AuthenticationError, match="BatchMode"):
        await reach(openssh_server, prompts=person, batch_mode=True, **NO_KEY)
    assert person.asked == []


async def test_a_banner_is_shown(openssh_server_factory: Any, tmp_path: Path) -> None:
    banner = tmp_path / "banner"
    banner.write_text("Authorised use only.\n")
    server = openssh_server_factory(f"Banner {banner}")
    person = Person()
    async with reach(server, prompts=person):
        assert person.banners == ["Authorised use only.\n"]
