"""Logging in to our server with the clients of others: keys, passwords, questions, several of them, and none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import paramiko
import pytest

from jupyter_ssh.ssh.keys.base import PublicKey
from jupyter_ssh.ssh.server.logins.accounts import current_account
from jupyter_ssh.ssh.server.logins.key_logins import KeyLogins
from tests.peers.server_support import TIMEOUT, asyncssh_client, server_for, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import Identity, make_identity


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == 255 and b"Permission denied" in done.stderr


# --- public keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", None), ("ecdsa", 256), ("rsa", 2048)])
@pytest.mark.parametrize("client", ["ssh", "plink", "dbclient"])
def test_keys_of_all_types(
    embedded_server_factory: Factory,
    peer_clients: PeerClients,
    tmp_path: Path,
    client: str,
    kind: str,
    bits: int | None,
) -> None:
    server = server_for(client, embedded_server_factory)
    identity = make_identity(tmp_path, kind, bits=bits)
    server.authorize(identity.public_line)
    build = getattr(peer_clients, client)
    command = build(server.host, server.port, server.user, "echo in", known_hosts=server.known_hosts, identity=identity)
    done = command.run()
    assert done.stdout == b"in\n", done.stderr


def test_a_key_that_is_not_authorised(
    embedded_server: EmbeddedServer, peer_clients: PeerClients, identity: Identity
) -> None:
    command = ssh(embedded_server, peer_clients, "true", identity=identity)
    assert refused(command.run())
    embedded_server.authorize(identity.public_line)
    assert command.run().returncode == 0, "the file is read anew at each login"


def test_a_sha1_signature_is_refused(
    embedded_server: EmbeddedServer, peer_clients: PeerClients, tmp_path: Path
) -> None:
    identity = make_identity(tmp_path, "rsa", bits=2048)
    embedded_server.authorize(identity.public_line)
    done = ssh(embedded_server, peer_clients, "true", "-oPubkeyAcceptedAlgorithms=ssh-rsa", identity=identity).run()
    assert refused(done)


def test_a_file_that_others_may_write_lets_nobody_in(
    embedded_server: EmbeddedServer, peer_clients: PeerClients
) -> None:
    embedded_server.authorized_keys.chmod(0o666)
    assert refused(ssh(embedded_server, peer_clients, "true").run())


def test_only_the_server_s_own_user(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory()
    for proof in ({"identity": server.identity}, {"password": server.password}):
        assert refused(peer_clients.ssh(server.host, server.port, "somebody", "true", **proof).run())
    server = embedded_server_factory(user="guest", users=["guest"])
    done = peer_clients.ssh(server.host, server.port, "guest", "echo $USER", identity=server.identity).run()
    own = current_account().name
    assert done.stdout.decode().strip() == own
    assert refused(peer_clients.ssh(server.host, server.port, own, "true", identity=server.identity).run())


async def test_files_on_a_slow_disk_delay_nobody_else(
    embedded_server_factory: Factory, peer_clients: PeerClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, readable = threading.Event(), threading.Event()
    judge = KeyLogins.judge

    def slowly(logins: KeyLogins, user: str, key: PublicKey) -> object:
        reading.set()
        assert readable.wait(TIMEOUT)
        return judge(logins, user, key)

    monkeypatch.setattr(KeyLogins, "judge", slowly)
    server = embedded_server_factory()
    waiting = asyncio.ensure_future(ssh(server, peer_clients, "echo late").run_async())
    assert await asyncio.to_thread(reading.wait, TIMEOUT)
    other = await ssh(server, peer_clients, "echo in", identity=None, password=server.password).run_async()
    readable.set()
    assert other.stdout == b"in\n"
    assert (await waiting).stdout == b"late\n"


@pytest.mark.parametrize(
    ("options", "command", "expected"),
    [
        ('command="echo forced: $SSH_ORIGINAL_COMMAND"', "rm -rf nothing", b"forced: rm -rf nothing\n"),
        ('command="cat; exit 4"', None, b"text"),
        ("restrict", "tty || true", b"not a tty\n"),
        ("no-pty,no-agent-forwarding,no-X11-forwarding,no-user-rc", "echo plain", b"plain\n"),
        ('from="127.0.0.0/8"', "echo near", b"near\n"),
        ('from="!127.0.0.1,*"', "echo near", None),
        ('from="192.0.2.0/24"', "echo far", None),
        ('expiry-time="20010101"', "echo past", None),
        ('expiry-time="29990101"', "echo future", b"future\n"),
        ("cert-authority", "echo not for keys", None),
        ('tunnel="0"', "echo not enforced", None),
        ('environment="X=evil"', 'echo "X=$X"', b"X=\n"),
    ],
)
def test_options_of_a_key(
    embedded_server: EmbeddedServer,
    peer_clients: PeerClients,
    identity: Identity,
    options: str,
    command: str | None,
    expected: bytes | None,
) -> None:
    embedded_server.authorize(f"{options} {identity.public_line}")
    done = ssh(embedded_server, peer_clients, command, identity=identity).run(b"text")
    if expected is None:
        assert refused(done)
    else:
        assert done.stdout == expected, done.stderr


def test_a_restricted_key_gets_no_terminal(
    embedded_server: EmbeddedServer, peer_clients: PeerClients, identity: Identity
) -> None:
    embedded_server.authorize(f"restrict {identity.public_line}")
    done = ssh(embedded_server, peer_clients, "tty", "-tt", identity=identity).run()
    assert b"PTY allocation request failed" in done.stderr
    assert done.stdout == b""


async def test_a_forced_command_takes_no_signals(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(force_command="echo ready; cat; echo survived")
    async with asyncssh_client(server) as connection:
        process = await connection.create_process("whatever")
        assert await process.stdout.readline() == "ready\n"
        process.send_signal("KILL")
        process.stdin.write_eof()
        assert (await process.wait(timeout=TIMEOUT)).stdout == "survived\n"


# --- passwords --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", ["ssh", "plink", "dbclient"])
def test_a_wrong_password(embedded_server_factory: Factory, peer_clients: PeerClients, client: str) -> None:
    server = server_for(client, embedded_server_factory)
    build = getattr(peer_clients, client)
    command = build(server.host, server.port, server.user, "echo in", known_hosts=server.known_hosts, password="wrong")
    done = command.run()
    # Not the status: dbclient's is 0.
    assert done.stdout == b""
    assert done.stderr


def test_a_wrong_password_three_times(embedded_server: EmbeddedServer, peer_clients: PeerClients) -> None:
    command = ssh(
        embedded_server, peer_clients, "true", "-v", "-oNumberOfPasswordPrompts=3", identity=None, password="wrong"
    )
    done = command.run()
    assert refused(done)
    assert done.stderr.count(b"Authentications that can continue: publickey,password") == 4


def test_attempts_have_a_limit(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(max_auth_tries=2)
    options = ("-oNumberOfPasswordPrompts=9",)
    done = ssh(server, peer_clients, "true", *options, identity=None, password="wrong").run()
    assert done.returncode == 255
    assert b"Too many authentication failures" in done.stderr
    assert ssh(server, peer_clients, "true").run().returncode == 0, "others may still come"


async def test_password_callbacks(embedded_server_factory: Factory) -> None:
    asked: list[tuple[str, str]] = []

    async def check(user: str, password: str) -> bool:
        asked.append((user, password))
        await asyncio.sleep(0)
        if password == "crash":
            raise ValueError(password)
        return password == "sesame"

    server = embedded_server_factory(passwords=check)
    async with asyncssh_client(server, client_keys=None, password="sesame") as connection:
        assert (await connection.run("echo in", timeout=TIMEOUT)).stdout == "in\n"
    assert asked == [(server.user, "sesame")]
    for wrong in ("crash", "other", "s" * 5000):
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh_client(server, client_keys=None, password=wrong)
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, client_keys=None, username="nobody", password="sesame")
    assert asked[-1] == ("nobody", "sesame"), "an unknown user takes the same way"
    assert len(asked) == 4, "a password of any length is not looked at"


def test_paramiko_password(embedded_server: EmbeddedServer) -> None:
    server = embedded_server
    transport = paramiko.Transport((server.host, server.port))
    try:
        transport.start_client(timeout=TIMEOUT)
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password(server.user, "wrong", fallback=False)
        transport.auth_password(server.user, server.password, fallback=False)
        assert transport.is_authenticated()
    finally:
        transport.close()


# --- questions and several methods ------------------------------------------------------------------------------------


class Answering(asyncssh.SSHClient):
    """Answers keyboard-interactive."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, list[tuple[str, bool]]]] = []
        self.banners: list[str] = []

    def kbdint_auth_requested(self) -> str:
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str]:
        self.asked.append((name, instructions, list(prompts)))
        return self.answers

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self.banners.append(msg)


async def test_questions(embedded_server_factory: Factory) -> None:
    server = embedded_server_factory(methods=["keyboard-interactive"])
    client = Answering([server.password, "271828"])
    async with asyncssh_client(server, client_keys=None, client_factory=lambda: client) as connection:
        assert (await connection.run("echo in", timeout=TIMEOUT)).stdout == "in\n"
    assert client.asked == [("Sign in", "Two questions.", [("Password: ", False), ("Code: ", True)])]
    wrong = Answering([server.password, "0"])
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, client_keys=None, client_factory=lambda: wrong)


async def test_questions_in_rounds_and_without_an_end(embedded_server_factory: Factory) -> None:
    async def endless(user: str, ask: object) -> bool:
        while True:
            await ask("", "", [("again? ", True)])  # type: ignore[operator]

    async def rounds(user: str, ask: object) -> bool:
        answers = [(await ask("", "", [(f"{n}? ", True)] * n))[:] for n in (1, 0, 2)]  # type: ignore[operator]
        return [len(answer) for answer in answers] == [1, 0, 2]

    server = embedded_server_factory(methods=[], keyboard_interactive=endless)
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, client_keys=None, client_factory=lambda: Answering(["yes"]))

    class Counting(Answering):
        def kbdint_challenge_received(self, name, instructions, lang, prompts):  # type: ignore[no-untyped-def]
            return ["x"] * len(prompts)

    server = embedded_server_factory(methods=[], keyboard_interactive=rounds)
    async with asyncssh_client(server, client_keys=None, client_factory=lambda: Counting([])):
        pass


def test_ssh_and_plink_answer_questions(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    async def password_only(user: str, ask: object) -> bool:
        return list(await ask("", "", [("Password: ", False)])) == ["sesame"]  # type: ignore[operator]

    server = embedded_server_factory(methods=[], keyboard_interactive=password_only)
    done = ssh(server, peer_clients, "echo in", identity=None, password="sesame").run()
    assert done.stdout == b"in\n", done.stderr
    plink = peer_clients.plink(
        server.host, server.port, server.user, "echo in", known_hosts=server.known_hosts, password="sesame"
    )
    assert plink.run().stdout == b"in\n"


async def test_several_methods_in_sequence(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(authentication_methods=[["publickey", "password"]])
    both = ssh(server, peer_clients, "echo in", "-v", password=server.password)
    done = await both.run_async()
    assert done.stdout == b"in\n"
    assert b'Authenticated using "publickey" with partial success' in done.stderr
    assert refused(await ssh(server, peer_clients, "true").run_async()), "a key alone will not do"
    assert refused(await ssh(server, peer_clients, "true", identity=None, password=server.password).run_async())
    wrong = ssh(server, peer_clients, "true", password="wrong")
    assert refused(await wrong.run_async())


async def test_one_of_several_ways(embedded_server_factory: Factory) -> None:
    ways = [["publickey", "keyboard-interactive"], ["password"]]
    server = embedded_server_factory(
        methods=["publickey", "password", "keyboard-interactive"], authentication_methods=ways
    )
    async with asyncssh_client(server, client_keys=None, password=server.password):
        pass
    client = Answering([server.password, "271828"])
    async with asyncssh_client(server, client_factory=lambda: client):
        pass
    assert len(client.asked) == 1
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server)


async def test_another_user_begins_anew(embedded_server_factory: Factory) -> None:
    """RFC 4252 §5: what one user has proved does not count for the next."""
    server = embedded_server_factory(
        users=["one", "two"],
        user="one",
        authentication_methods=[["publickey", "password"]],
        passwords=lambda u, p: True,
    )
    transport = paramiko.Transport((server.host, server.port))
    try:
        await asyncio.to_thread(transport.start_client, timeout=TIMEOUT)
        key = paramiko.Ed25519Key(filename=str(server.client_key))
        assert await asyncio.to_thread(transport.auth_publickey, "one", key) == ["password"]
        with pytest.raises(paramiko.BadAuthenticationType):
            await asyncio.to_thread(transport.auth_password, "two", "any", fallback=False)
        assert not transport.is_authenticated()
    finally:
        transport.close()


async def test_a_banner(embedded_server_factory: Factory, peer_clients: PeerClients) -> None:
    server = embedded_server_factory(banner="For members only.\n")
    done = await ssh(server, peer_clients, "true").run_async()
    assert b"For members only." in done.stderr


async def test_a_banner_s_file_is_read_for_each_client(
    embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path
) -> None:
    path = tmp_path / "banner"
    server = embedded_server_factory(banner=path)
    command = ssh(server, peer_clients, "echo in")
    assert (await command.run_async()).stdout == b"in\n", "a missing banner keeps nobody out"
    path.write_text("Written later.\n", encoding="utf-8")
    assert b"Written later." in (await command.run_async()).stderr
    for too_long in (b"x" * 32_001, b"xxx" + b"\xff" * 20_000):  # what is no UTF-8 becomes longer
        path.write_bytes(too_long)
        done = await command.run_async()
        assert done.stdout == b"in\n"
        assert b"xxx" not in done.stderr
    path.unlink()
    os.mkfifo(path)
    assert (await command.run_async()).stdout == b"in\n"


@pytest.mark.parametrize("how", ["key", "password"])
def test_a_style_is_no_part_of_the_name(embedded_server: EmbeddedServer, peer_clients: PeerClients, how: str) -> None:
    server = embedded_server
    proof = {"identity": server.identity} if how == "key" else {"password": server.password}
    options = {"known_hosts": server.known_hosts, **proof}
    done = peer_clients.ssh(server.host, server.port, f"{server.user}:style", "echo in", **options).run()
    assert done.stdout == b"in\n", done.stderr
    assert refused(peer_clients.ssh(server.host, server.port, f":{server.user}", "echo in", **options).run())


def test_key_files_by_wildcards(
    embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path, identity: Identity
) -> None:
    folder = tmp_path / "keys.d"
    folder.mkdir(mode=0o755)
    server = embedded_server_factory(authorized_keys=folder / "*.keys", methods=["publickey"])
    command = ssh(server, peer_clients, "echo in", identity=identity)
    assert refused(command.run()), "no file yet"
    for name, line in (("a.keys", "# nobody"), ("b.keys", identity.public_line), ("c", server.identity.public_line)):
        (folder / name).write_text(line + "\n", encoding="utf-8")
        (folder / name).chmod(0o600)
    assert command.run().stdout == b"in\n"
    assert refused(ssh(server, peer_clients, "true").run())
    (folder / "b.keys").chmod(0o666)
    assert refused(command.run())
    strange = folder / "[ab].keys"
    strange.write_text(identity.public_line + "\n", encoding="utf-8")
    strange.chmod(0o600)
    server = embedded_server_factory(authorized_keys=strange, methods=["publickey"])
    assert ssh(server, peer_clients, "echo in", identity=identity).run().stdout == b"in\n"
