"""Keywords of ssh_config that act on a connection: each is seen to act, at OpenSSH's server or on the way to it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client import Pty, connect
from tests.peers.client_support import Person, reach
from tests.support.fixtures import watch
from tests.support.peers import require_tool
from tests.support.servers import PeerServer, start_openssh


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    folder = tmp_path_factory.mktemp("sshd")
    started = watch(request.node, start_openssh(folder, "AcceptEnv KEPT*", "LogLevel DEBUG1"))
    yield started
    started.stop()


def config(folder: Path, *lines: str) -> Path:
    path = folder / "config"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path


async def test_a_refusal_is_told_in_the_persons_own_words(server: Any, tmp_path: Path) -> None:
    file = config(tmp_path, "Match host 127.*", "RefuseConnection This host is retired; use new.example.org")
    with pytest.raises(errors.ConfigError, match=r"retired; use new\.example\.org.*config line 2"):
        await reach(server, config=file)


async def test_the_servers_log_shows_our_addendum(server: Any) -> None:
    async with reach(server, version_addendum="lab %u"):
        assert "jupyter_ssh_0.1 lab " in server.log()
    with pytest.raises(errors.ConfigError, match="printable ASCII"):
        await reach(server, version_addendum="x" * 250)


async def test_short_keys_of_the_server_and_of_ours_are_not_used(server: Any, tmp_path: Path) -> None:
    short = tmp_path / "id_rsa"
    keygen = require_tool("ssh-keygen", "openssh-client")
    subprocess.run([keygen, "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(short)], check=True)
    server.authorize(short.with_suffix(".pub").read_text())
    async with reach(server, identity_file=short, required_rsa_size=2048) as connection:
        assert connection.info.method == "publickey"
    with pytest.raises(errors.AuthenticationError, match=r"RSA key too short \(2048 bits\)"):
        await reach(server, identity_file=short, required_rsa_size=2049, batch_mode=True)


async def test_a_short_host_key_is_not_taken(server: Any, tmp_path: Path) -> None:
    lines = server.known_hosts.read_text()
    assert "ssh-rsa" in lines
    async with reach(server, host_key_algorithms="rsa-sha2-512"):
        pass
    with pytest.raises(errors.SSHError, match="at least 16384 bits"):
        await reach(server, host_key_algorithms="rsa-sha2-512", required_rsa_size=16384)


def mark(connected: socket.socket) -> int:
    return connected.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)


async def test_packets_are_marked_for_people_as_long_as_there_is_a_terminal(server: Any) -> None:
    async with reach(server, ip_qos=["af21", "cs1"]) as connection:
        connected = connection.channel_host.driver.tcp_socket
        assert connected is not None
        assert mark(connected) == 0x20
        async with await connection.start("cat") as plain:
            first = await connection.start("cat", pty=Pty("xterm", 24, 80))
            second = await connection.start("cat", pty=Pty("xterm", 24, 80))
            assert mark(connected) == 0x48
            await first.aclose()
            assert mark(connected) == 0x48
            await second.aclose()
            assert mark(connected) == 0x20
            async with await connection.start("cat", pty=Pty("xterm", 24, 80)):
                assert mark(connected) == 0x48
            assert mark(connected) == 0x20
            plain.stdin.write_eof()


async def test_packets_are_marked_as_by_openssh(server: Any) -> None:
    """Expedited forwarding for terminals, CS0 for everything else (OpenSSH 10.1)."""
    async with reach(server) as connection:
        connected = connection.channel_host.driver.tcp_socket
        assert connected is not None
        assert mark(connected) == 0
        async with await connection.start("cat", pty=Pty("xterm", 24, 80)):
            assert mark(connected) == 0xB8
        assert mark(connected) == 0
    async with reach(server, ip_qos=["lowdelay", "throughput"]) as connection:
        connected = connection.channel_host.driver.tcp_socket
        assert connected is not None
        async with await connection.start("cat", pty=Pty("xterm", 24, 80)):
            assert mark(connected) == 0


async def test_an_interface_to_connect_from(server: Any) -> None:
    name = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    async with reach(server, bind_interface=name) as connection:
        assert (await connection.run("echo $SSH_CLIENT")).stdout.startswith(b"127.0.0.1 ")
    with pytest.raises(errors.ConnectError, match="interface 'nothing0' has no address"):
        await reach(server, bind_interface="nothing0")


async def test_an_address_to_connect_from(server: Any) -> None:
    async with reach(server, bind_address="127.0.0.2") as connection:
        assert (await connection.run("echo $SSH_CLIENT")).stdout.startswith(b"127.0.0.2 ")


async def test_a_family_without_an_address_is_not_tried(server: Any) -> None:
    with pytest.raises(errors.SSHError, match="does not resolve"):
        await reach(server, address_family="inet6")


async def test_a_local_command_is_run_only_where_it_is_permitted(server: Any, tmp_path: Path) -> None:
    made = tmp_path / "made"
    lines = [f"LocalCommand echo %h %p %r > {made}; exit 3"]
    async with reach(server, config=config(tmp_path, *lines)) as connection:
        assert connection.messages == []
    assert not made.exists()
    async with reach(server, config=config(tmp_path, *lines, "PermitLocalCommand yes")) as connection:
        assert connection.messages == ["LocalCommand ended with status 3."]
    assert made.read_text().split() == [server.host, str(server.port), server.user]


async def test_the_picture_of_the_host_key_is_shown(server: Any) -> None:
    async with reach(server, visual_host_key=True) as connection:
        (message,) = connection.messages
        lines = message.splitlines()
        assert lines[0] == f"Host key fingerprint is {connection.info.host_key_fingerprint}"
        assert len(lines) == 12


async def test_an_exchange_that_is_not_post_quantum_is_warned_of(server: Any) -> None:
    weak = {"kex_algorithms": "curve25519-sha256"}
    async with reach(server, **weak) as connection:
        assert "WarnWeakCrypto" in connection.messages[0]
    async with reach(server, warn_weak_crypto="no-pq-kex", **weak) as connection:
        assert connection.messages == []
    async with reach(server) as connection:
        assert connection.messages == []


async def test_variables_are_sent(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = config(tmp_path, "SendEnv KEPT_A KEPT_B*", "SetEnv KEPT_C=%n-${KEPT_A} KEPT_D=100%")
    monkeypatch.setenv("KEPT_A", "a")
    monkeypatch.setenv("KEPT_BB", "b")
    async with reach(server, config=file) as connection:
        options = connection.options
        variables = options.remote_environment({"KEPT_A": "a", "KEPT_BB": "b", "OTHER": "o"})
        result = await connection.run("echo $KEPT_A $KEPT_BB $KEPT_C $KEPT_D", env=variables)
    assert result.stdout == f"a b {server.host}-a 100%\n".encode()


async def test_what_was_negotiated_is_what_was_asked_for(server: Any) -> None:
    asked = {
        "ciphers": "aes256-ctr",
        "macs": "hmac-sha2-512",
        "kex_algorithms": "ecdh-sha2-nistp384",
        "host_key_algorithms": "rsa-sha2-256",
        "compression": True,
        "warn_weak_crypto": False,
        "rekey_limit": "20K",
    }
    async with reach(server, **asked) as connection:
        info = connection.info
        assert (info.cipher_out, info.mac_in, info.exchange) == ("aes256-ctr", "hmac-sha2-512", "ecdh-sha2-nistp384")
        assert info.host_key_algorithm == "rsa-sha2-256"
        assert connection.channel_host.session.info.sending.compression == "zlib@openssh.com"
        await connection.run("cat", input=os.urandom(100_000))
        await connection.run("true")  # waits until keys that are being changed have been
        assert connection.channel_host.session.info.rekeys > 0


async def test_a_password_is_asked_for_as_often_as_said(server: Any) -> None:
    person = Person(secrets=["wrong"] * 9)
    with pytest.raises(errors.AuthenticationError):
        await reach(
            server,
            identity_file="none",
            preferred_authentications="password,keyboard-interactive",
            kbd_interactive_authentication=False,
            number_of_password_prompts=2,
            prompts=person,
        )
    assert len(person.asked) <= 2


async def test_a_connection_is_tried_as_often_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    with pytest.raises(errors.ConnectError):
        await connect("127.0.0.1", port=port, config="none", connection_attempts=3)
    assert slept == [1, 1]


async def test_the_devices_of_keyboard_interactive_are_named(asyncssh_server: Any) -> None:
    async with reach(
        asyncssh_server,
        identity_file="none",
        preferred_authentications="keyboard-interactive",
        kbd_interactive_devices="pam,bsdauth",
        prompts=Person(answers=[[answer for _, _, answer in asyncssh_server.questions]]),
    ):
        assert asyncssh_server.submethods == "pam,bsdauth"


@pytest.mark.parametrize("wanted", [True, False])
async def test_keepalives_of_tcp(server: Any, wanted: bool) -> None:
    async with reach(server, tcp_keep_alive=wanted) as connection:
        connected = connection.channel_host.driver.tcp_socket
        assert connected is not None
        assert bool(connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) is wanted


async def test_a_server_that_is_not_there_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with pytest.raises(errors.DeadlineExceeded, match=r"0\.3"):
            await connect("127.0.0.1", port=listener.getsockname()[1], config="none", connect_timeout=0.3)
