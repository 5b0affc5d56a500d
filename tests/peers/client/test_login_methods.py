"""Several methods, changed passwords and questions, with AsyncSSH and OpenSSH at the other end of both our roles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from jupyter_ssh.ssh import connect, errors
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.server.logins.passwords import NewPasswordNeeded, PasswordTable
from tests.peers.client_support import Person, reach
from tests.peers.server_support import TIMEOUT, asyncssh_client, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import make_identity, ssh_keygen

# --- a password that has to be changed --------------------------------------------------------------------------------


class ExpiringServer(asyncssh.SSHServer):  # type: ignore[misc]
    """AsyncSSH wants the password ``old`` changed, into one that is long enough."""

    passwords: dict[str, str]
    changed: list[tuple[str, str, str]]

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        if self.passwords.get(username) != password:
            return False
        if password == "old":
            raise asyncssh.PasswordChangeRequired("It is \x1b[31mold.")
        return True

    def change_password(self, username: str, old_password: str, new_password: str) -> bool:
        self.changed.append((username, old_password, new_password))
        if len(new_password) < 8:
            raise asyncssh.PasswordChangeRequired("Longer, please.")
        self.passwords[username] = new_password
        return old_password == "old"


@pytest.fixture
async def expiring(asyncssh_server_factory: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    server = await asyncssh_server_factory(methods=["password"])
    ExpiringServer.passwords, ExpiringServer.changed = {server.user: "old"}, []
    peer = server

    class Server(ExpiringServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            peer.connections.append(conn)

    monkeypatch.setattr("tests.support.asyncssh_peer.Accounts", lambda peer: Server())
    return server


@pytest.mark.parametrize("tries", [["long enough"], ["short", "long enough"]])
async def test_our_client_changes_a_password(expiring: Any, tries: list[str]) -> None:
    person = Person(secrets=[secret for new in tries for secret in (new, new)])
    async with reach(expiring, identity_file="none", password="old", prompts=person) as connection:
        assert connection.info.method == "password"
    assert [new for _, _, new in ExpiringServer.changed] == tries
    who = f"{expiring.user}@{expiring.host}"
    assert person.asked[0] == f"({who}) It is ?[31mold.\nEnter {who}'s new password: "
    assert person.asked[1] == f"Retype {who}'s new password: "
    async with reach(expiring, identity_file="none", password="long enough"):
        pass


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (["one thing", "another"], "the two entries did not match"),
        ([None], "no answer was given"),
        (["short"] * 20, "too many new passwords"),
    ],
)
async def test_a_password_that_is_not_changed(expiring: Any, secrets: list[str | None], said: str) -> None:
    with pytest.raises(errors.AuthenticationError, match=said) as caught:
        await reach(expiring, identity_file="none", password="old", prompts=Person(secrets=secrets))
    for secret in ("one thing", "another", "short"):
        assert secret not in str(caught.value).replace("yet another", "")


def expired(server_factory: Factory, **options: Any) -> tuple[EmbeddedServer, PasswordTable]:
    server = server_factory(methods=[], user="root", passwords=lambda user, password: False)
    table = PasswordTable.from_passwords({server.user: "old"}, expired=[server.user])
    return (
        server_factory(
            methods=[], user=server.user, users=[server.user], passwords=table, change_password=table.change, **options
        ),
        table,
    )


class Changing(asyncssh.SSHClient):  # type: ignore[misc]
    """Gives new passwords."""

    def __init__(self, *new: str) -> None:
        self.new = list(new)
        self.prompts: list[str] = []

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self.prompts.append(prompt)
        return ("old", self.new.pop(0)) if self.new else NotImplemented


async def test_asyncssh_changes_a_password_of_ours(embedded_server_factory: Factory) -> None:
    server, table = expired(embedded_server_factory)
    client = Changing("", "sesame")
    options: dict[str, Any] = {"client_keys": None, "password": "old"}
    async with asyncssh_client(server, client_factory=lambda: client, **options) as connection:
        assert (await connection.run("echo in", timeout=TIMEOUT)).stdout == "in\n"
    assert client.prompts[0] == NewPasswordNeeded().prompt
    assert "a different one" in client.prompts[1]
    assert table(server.user, "sesame") is True
    assert table(server.user, "old") is False
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, **options)


def test_openssh_changes_a_password_of_ours(
    embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path
) -> None:
    server, table = expired(embedded_server_factory)
    command = ssh(server, peer_clients, "echo in", identity=None, password="old")
    askpass = Path(command.env["SSH_ASKPASS"])
    askpass.write_text('#!/bin/sh\ncase "$1" in *[Nn]"ew password"*) echo sesame;; *) echo old;; esac\n')
    askpass.chmod(0o700)
    done = command.run()
    assert done.stdout == b"in\n", done.stderr
    assert table(server.user, "sesame") is True


async def test_a_password_nobody_can_change(embedded_server_factory: Factory) -> None:
    table = PasswordTable.from_passwords({"root": "old"}, expired=["root"])
    server = embedded_server_factory(methods=[], user="root", users=["root"], passwords=table)
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, client_keys=None, password="old")


async def test_new_passwords_are_attempts_too(embedded_server_factory: Factory) -> None:
    server, _ = expired(embedded_server_factory, max_auth_tries=3)
    client = Changing(*[""] * 50)
    with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
        await asyncssh_client(server, client_factory=lambda: client, client_keys=None, password="old")
    assert len(client.new) == 50 - 3


async def test_a_stranger_changes_no_password(embedded_server_factory: Factory) -> None:
    """RFC 4252 §8: a request to change it may come unasked, and says the old one."""
    server, table = expired(embedded_server_factory)
    wrong = await asyncio.to_thread(change_unasked, server, "not it")
    assert not wrong
    assert table(server.user, "sesame") is False
    assert await asyncio.to_thread(change_unasked, server, "old")
    assert table(server.user, "sesame") is True


def change_unasked(server: EmbeddedServer, old: str) -> bool:
    from paramiko.common import cMSG_USERAUTH_REQUEST

    transport = paramiko.Transport((server.host, server.port))
    try:
        transport.start_client(timeout=TIMEOUT)
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password(server.user, "begin", fallback=False)
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        for text in (server.user, "ssh-connection", "password"):
            message.add_string(text)
        message.add_boolean(True)
        message.add_string(old)
        message.add_string("sesame")
        handler = transport.auth_handler
        assert handler is not None
        handler.auth_event = event = __import__("threading").Event()
        handler.auth_method = "password"
        transport._send_message(message)  # Paramiko has no way to change a password
        event.wait(TIMEOUT)
        return transport.is_authenticated()
    finally:
        transport.close()


# --- several methods --------------------------------------------------------------------------------------------------


async def test_two_different_keys(embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path) -> None:
    server = embedded_server_factory(authentication_methods=[["publickey", "publickey"]])
    second = make_identity(tmp_path)
    once = ssh(server, peer_clients, "echo in", "-i", str(server.client_key), identity=None)
    once.argv[:] = [word for word in once.argv if word != "-oIdentityFile=none"]
    assert (await once.run_async()).returncode == 255
    twice = ssh(server, peer_clients, "echo in", "-i", str(second.openssh))
    assert (await twice.run_async()).returncode == 255, "the other key is not authorised yet"
    server.authorize(f'command="echo forced" {second.public_line}')
    done = await twice.run_async()
    assert done.stdout == b"forced\n", "what each key says counts"
    options: dict[str, Any] = {"preferred_authentications": "publickey"}
    async with reach(server, identity_file=[server.client_key, second.openssh], **options) as connection:
        assert connection.info.method == "publickey, publickey"
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(server, **options)
    assert [outcome for _, _, outcome in caught.value.attempts] == ["partial success"]


@pytest.mark.parametrize(
    "sequence", ["publickey,publickey,password", "password,publickey", "password,publickey,publickey"]
)
async def test_any_sequence_of_openssh(openssh_server_factory: Any, tmp_path: Path, sequence: str) -> None:
    server = openssh_server_factory(f"AuthenticationMethods {sequence}", host_key_types=("ed25519",))
    second = ssh_keygen(tmp_path / "second")
    server.authorize(second.with_suffix(".pub").read_text())
    keys = [server.client_key, second]
    async with reach(server, identity_file=keys, password=server.password) as connection:
        assert connection.info.method == sequence.replace(",", ", ")
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(server, identity_file=keys[:1], password="wrong")
    assert "wrong" not in str(caught.value)


METHODS = ("publickey", "password", "keyboard-interactive")


@pytest.mark.parametrize("sequence", [METHODS, METHODS[::-1], ("keyboard-interactive", "publickey", "publickey")])
async def test_any_sequence_of_ours(embedded_server_factory: Factory, tmp_path: Path, sequence: Sequence[str]) -> None:
    server = embedded_server_factory(methods=METHODS, authentication_methods=[sequence])
    second = make_identity(tmp_path)
    server.authorize(second.public_line)
    answers = [answer for _, _, answer in server.questions]
    person = Person(answers=[answers], secrets=[server.password])
    keys = [server.client_key, second.openssh]
    async with reach(server, identity_file=keys, prompts=person) as connection:
        assert connection.info.method == ", ".join(sequence)

    class Client(asyncssh.SSHClient):  # type: ignore[misc]
        def kbdint_auth_requested(self) -> str:
            return ""

        def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: Any) -> Any:
            return answers if prompts else []

    async with asyncssh_client(
        server, client_keys=[str(key) for key in keys], password=server.password, client_factory=Client
    ):
        pass


# --- what is tried first, and what is said ----------------------------------------------------------------------------


async def test_a_password_that_was_handed_in_goes_first(asyncssh_server: Any, tmp_path: Path) -> None:
    """Not the keys that happen to lie in ~/.ssh: a few of them, and the server has had enough."""
    tried: list[str] = []
    options: dict[str, Any] = {
        "user": asyncssh_server.user,
        "port": asyncssh_server.port,
        "known_hosts": asyncssh_server.known_hosts,
        "config": "none",
    }
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    key = ssh_keygen(folder / "id_ed25519")
    try:
        async with connect(asyncssh_server.host, password=asyncssh_server.password, **options) as connection:
            assert connection.info.method == "password"
        with pytest.raises(errors.AuthenticationError) as caught:
            await connect(asyncssh_server.host, password="wrong", **options)
        tried = [method for method, _, outcome in caught.value.attempts if outcome == "refused"]
        assert tried == ["password", "publickey"], "then the others"
        async with connect(
            asyncssh_server.host, identity_file=asyncssh_server.client_key, password="wrong", **options
        ) as connection:
            assert connection.info.method == "publickey", "a key that was named goes before it"
    finally:
        key.unlink()
        key.with_suffix(".pub").unlink()


async def test_not_all_of_many_keys_are_told(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(max_auth_tries=3)
    key = generate(comment="one of many")
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(server, identity_file=[key, *(f"/no key {n}" for n in range(60))])
    assert len(caught.value.attempts) == 62
    assert "refused; not tried: publickey (/no key 0): " in str(caught.value)
    assert "... 45 more ..." in str(caught.value)  # of 60 keys that are not there, and a password
    assert "no key 58" in str(caught.value)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_keys_beyond_the_limit_of_a_server(embedded_server_factory: Factory, limit: int) -> None:
    server = embedded_server_factory(max_auth_tries=limit)
    with pytest.raises(errors.AuthenticationError, match="IdentitiesOnly") as caught:
        await reach(server, identity_file=[generate(comment=f"key {n}") for n in range(5)])
    outcomes = [outcome for _, _, outcome in caught.value.attempts]
    last = ["the server ended the connection"]
    assert outcomes == ["refused"] * (limit - 1) + last + ["not tried: the server ended the connection"] * (5 - limit)
    assert "MaxAuthTries" in str(caught.value)


async def test_passwords_beyond_the_limit_of_a_server(dropbear_server_factory: Any) -> None:
    """Dropbear hangs up without a word."""
    server = dropbear_server_factory("-T", "2")
    with pytest.raises(errors.AuthenticationError, match="MaxAuthTries") as caught:
        await reach(server, identity_file="none", prompts=Person(secrets=["wrong"] * 3))
    assert {outcome for _, _, outcome in caught.value.attempts} == {"refused", "the server ended the connection"}


async def test_the_report_names_each_key(openssh_server: Any, tmp_path: Path) -> None:
    encrypted = ssh_keygen(tmp_path / "encrypted", passphrase="correct horse")
    openssh_server.authorize(encrypted.with_suffix(".pub").read_text())
    stranger = ssh_keygen(tmp_path / "stranger")
    missing = tmp_path / "missing"
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(
            openssh_server,
            identity_file=[stranger, missing, encrypted],
            prompts=Person(secrets=["wrong"] * 3),
        )
    said = {offered.split()[0]: outcome for _, offered, outcome in caught.value.attempts if offered}
    assert said[str(stranger)] == "refused"
    assert "No such file" in said[str(missing)]
    assert said[str(encrypted)] == "wrong passphrase"
    assert f"`jupyter-ssh keygen -y -f {encrypted}` tells" in str(caught.value.next_step)
    assert caught.value.methods == ("publickey", "password")


@pytest.mark.parametrize("count", [0, 1, 7, 64])
async def test_any_number_of_questions(embedded_server_factory: Factory, count: int) -> None:
    prompts = [(f"{number}? ", number % 2 == 0) for number in range(count)]

    async def converse(user: str, ask: Callable[..., Any]) -> bool:
        answers = await ask("name", "instruction", prompts)
        return list(answers) == [f"answer {number}" for number in range(count)]

    server = embedded_server_factory(methods=[], keyboard_interactive=converse)
    person = Person(answers=[[f"answer {number}" for number in range(count)]])
    async with reach(server, identity_file="none", prompts=person) as connection:
        assert connection.info.method == "keyboard-interactive"
    assert person.asked == [f"({server.user}@{server.host}) {prompt}" for prompt, _ in prompts]

    class Client(asyncssh.SSHClient):  # type: ignore[misc]
        def kbdint_auth_requested(self) -> str:
            return ""

        def kbdint_challenge_received(self, name: str, instructions: str, lang: str, prompts: Any) -> Any:
            return [f"answer {number}" for number, _ in enumerate(prompts)]

    async with asyncssh_client(server, client_keys=None, client_factory=Client):
        pass
