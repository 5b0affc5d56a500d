"""A real failure for each row of the table of advice: ``SCENES`` by the row's name."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jupyter_ssh.ssh import connect, errors
from jupyter_ssh.ssh.keys import PrivateKey, generate
from jupyter_ssh.ssh.net import driver, wake
from jupyter_ssh.ssh.wire.messages import KexInit
from tests.peers.client_support import Person
from tests.support.certificates import certify, make_authority
from tests.support.embedded import embedded_in_loop
from tests.support.identities import make_identity, ssh_keygen
from tests.support.network.relay import pretender, relay
from tests.support.processes import HOST, free_port
from tests.support.servers import PeerServer

SOON = 1.0
"""Seconds for a wait that is meant to be too short."""
SECONDS = 30

Scene = Callable[["Stage"], Awaitable[errors.SSHError]]
SCENES: dict[str, Scene] = {}


@dataclass
class Stage:
    """What a scene may use."""

    folder: Path
    sshd: Callable[..., PeerServer]
    """An sshd with these lines of sshd_config; with the same lines the same one."""
    stack: AsyncExitStack
    monkeypatch: pytest.MonkeyPatch
    again: dict[str, Any] | None = None
    """Options of a connection for which the advice's option has to help."""

    async def fails(self, server: Any = None, **options: Any) -> errors.SSHError:
        """The error of a connection."""
        with pytest.raises(errors.SSHError) as caught:
            await asyncio.wait_for(self.connects(server, **options), SECONDS)
        return caught.value

    def connects(self, server: Any = None, **options: Any) -> Any:
        """A connection, by what a peer ``server`` knows or by nothing."""
        settings: dict[str, Any] = {"config": "none", "known_hosts": self.folder / "no_hosts", "connect_timeout": 10}
        if server is not None:
            settings |= {"user": server.user, "port": server.port, "known_hosts": server.known_hosts}
            settings["identity_file"] = server.client_key
        settings |= options
        host = settings.pop("host", HOST)
        return connect(host if "user" in settings else f"nobody@{host}", **settings)

    async def says(self, data: bytes, end: str = "eof", **options: Any) -> errors.SSHError:
        """The error of a connection to a server that is none."""
        port = await self.stack.enter_async_context(pretender(data, end))
        return await self.fails(port=port, **options)

    async def asyncssh(self, server: type[asyncssh.SSHServer], **options: Any) -> dict[str, Any]:
        """Options for a connection to an AsyncSSH server that lets in everybody, unless ``server`` does not."""
        key = ssh_keygen(self.folder / "host_key")
        listening = await asyncssh.listen(HOST, 0, server_factory=server, server_host_keys=[str(key)], **options)
        self.stack.callback(listening.close)
        return {"port": listening.get_port(), "strict_host_key_checking": "accept-new", "user": "alice"}


def scene(name: str) -> Callable[[Scene], Scene]:
    """Puts a scene into the table."""

    def put(play: Scene) -> Scene:
        assert name not in SCENES
        SCENES[name] = play
        return play

    return put


def saying(name: str, data: bytes, end: str = "eof", **options: Any) -> None:
    """A scene with a server that only says something."""
    scene(name)(lambda stage: stage.says(data, end, **options))


# --- files ------------------------------------------------------------------------------------------------------------


@scene("config-permissions")
async def _config_permissions(stage: Stage) -> errors.SSHError:
    file = stage.folder / "included"
    file.write_text("User alice\n")
    file.chmod(0o666)
    config = stage.folder / "config"
    config.write_text(f"Include {file}\n")
    return await stage.fails(config=config)


@scene("config")
async def _config(stage: Stage) -> errors.SSHError:
    config = stage.folder / "config"
    config.write_text("Host *\n Prot 22\n")
    return await stage.fails(config=config)


# --- proxies and jump hosts -------------------------------------------------------------------------------------------


async def _proxy(stage: Stage, answer: bytes, kind: str = "socks5") -> errors.SSHError:
    port = await stage.stack.enter_async_context(pretender(answer))
    return await stage.fails(port=2222, proxy=f"{kind}://{HOST}:{port}")


scene("proxy-command")(lambda stage: stage.fails(proxy_command="sh -c 'echo no tunnel >&2; exit 3'"))
scene("proxy-login")(lambda stage: _proxy(stage, b"\5\xff"))
scene("proxy-refused")(lambda stage: _proxy(stage, b"\5\0\5\5\0\1\0\0\0\0\0\0"))
scene("proxy-nonsense")(lambda stage: _proxy(stage, b"SSH-2.0-no proxy\r\n", "http"))
scene("proxy-unreachable")(lambda stage: stage.fails(proxy=f"socks5://{HOST}:{free_port()}"))


async def _over(stage: Stage, jump: PeerServer) -> errors.SSHError:
    config = stage.folder / "config"
    login = f"User {jump.user}\n IdentityFile {jump.client_key}\n UserKnownHostsFile {jump.known_hosts}"
    config.write_text(f"Host jump\n HostName {jump.host}\n Port {jump.port}\n {login}\n")
    config.chmod(0o600)
    return await stage.fails(config=config, proxy_jump="jump", port=free_port())


scene("jump-forbidden")(lambda stage: _over(stage, stage.sshd("AllowTcpForwarding no")))
scene("jump-refused")(lambda stage: _over(stage, stage.sshd()))

# --- the network ------------------------------------------------------------------------------------------------------

scene("name-not-found")(lambda stage: stage.fails(host="no-such-host.invalid"))
scene("refused")(lambda stage: stage.fails(port=free_port()))
scene("unreachable")(lambda stage: stage.fails(host="255.255.255.255"))
scene("no-local-address")(lambda stage: stage.fails(port=free_port(), bind_address="198.51.100.7"))
scene("no-connection")(lambda stage: stage.fails(bind_interface="no-such-interface"))


@scene("name-timeout")
async def _name_timeout(stage: Stage) -> errors.SSHError:
    asked = threading.Event()
    # The system's resolver with a name server that never answers: no test may change the system's settings.
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if host == "slow.example" and not options.get("flags"):
            asked.wait(SECONDS)
        return system(host, *arguments, **options)

    stage.monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        return await stage.fails(host="slow.example", connect_timeout=SOON)
    finally:
        asked.set()


@scene("tcp-timeout")
async def _tcp_timeout(stage: Stage) -> errors.SSHError:
    """A queue of connections that is full: the system drops what comes, as a firewall does."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen(0)
        for _ in range(3):
            waiting = stage.stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        return await stage.fails(port=listening.getsockname()[1], connect_timeout=SOON)


# --- the first bytes --------------------------------------------------------------------------------------------------

saying("version-timeout", b"", "hang", connect_timeout=SOON)
saying("tls", b"\x15\x03\x01\x00\x02\x02\x46")  # the alert protocol_version (RFC 8446 §6)
saying("mail", b"220 mail.example ESMTP\r\n")
saying("penalty", b"Not allowed at this time\r\n")
saying("ssh1", b"SSH-1.5-old\r\n")
saying("closed-at-once", b"")
saying("no-ssh", b"\x1b[2Jlogin: \r\n" * 1500)
saying("reset-at-once", b"", "reset")


@scene("http")
async def _http(stage: Stage) -> errors.SSHError:
    class Quiet(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with http.server.HTTPServer((HOST, 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            return await stage.fails(port=server.server_port)
        finally:
            await asyncio.to_thread(server.shutdown)
            thread.join()


@scene("busy")
async def _busy(stage: Stage) -> errors.SSHError:
    server = stage.sshd("PerSourceMaxStartups 1")
    while True:
        _, writer = await asyncio.open_connection(HOST, server.port)
        stage.stack.callback(writer.close)
        try:
            # It may not have counted that connection yet.
            await (await asyncio.wait_for(stage.connects(server), SECONDS)).close()
        except errors.SSHError as error:
            return error


# --- algorithms -------------------------------------------------------------------------------------------------------


async def _only(stage: Stage, *lines: str, **options: Any) -> errors.SSHError:
    """An sshd that knows one algorithm of a kind; what the advice allows has to be enough."""
    server = stage.sshd(*lines, host_key_types=("rsa",) if "ssh-rsa" in lines[0] else ("ed25519",))
    stage.again = {"server": server, **options}
    return await stage.fails(server, **options)


scene("no-exchange")(lambda stage: _only(stage, "KexAlgorithms diffie-hellman-group1-sha1"))
scene("no-host-key-algorithm")(lambda stage: _only(stage, "HostKeyAlgorithms ssh-rsa"))
scene("no-cipher")(lambda stage: _only(stage, "Ciphers 3des-cbc"))
scene("no-mac")(lambda stage: _only(stage, "MACs hmac-md5", "Ciphers aes128-ctr"))


class _Welcoming(asyncssh.SSHServer):  # type: ignore[misc]
    def begin_auth(self, username: str) -> bool:
        return False


@scene("no-compression")
async def _compression(stage: Stage) -> errors.SSHError:
    options = await stage.asyncssh(_Welcoming, compression_algs=["zlib"])
    stage.again = {"server": None, **options}
    return await stage.fails(**options)


@scene("nothing-known")
async def _nothing_known(stage: Stage) -> errors.SSHError:
    names = ("of-our-dreams",)
    payload = KexInit(b"\0" * 16, names, names, names, names, names, names, names, names).encode()
    padding = 8 - (len(payload) + 5) % 8 + 8
    packet = (len(payload) + padding + 1).to_bytes(4, "big") + bytes([padding]) + payload + b"\0" * padding
    return await stage.says(b"SSH-2.0-dreams\r\n" + packet)


saying("exchange-timeout", b"SSH-2.0-slow\r\n", "hang", connect_timeout=SOON)
saying("closed-in-exchange", b"Authorized use only.\r\nSSH-2.0-cut\r\n")
saying("protocol", b"SSH-2.0-bad\r\n" + b"\xff" * 100)


class _Forger(PrivateKey):
    """Signs other data than it is given."""

    def __init__(self) -> None:
        self._key = generate("ssh-ed25519")
        super().__init__(self._key.public)

    def _sign(self, algorithm: Any, data: bytes) -> bytes:
        return self._key._sign(algorithm, b"something else")

    def private_fields(self) -> bytes:
        return b""


@scene("bad-signature")
async def _bad_signature(stage: Stage) -> errors.SSHError:
    folder = stage.folder / "embedded"
    server = await stage.stack.enter_async_context(embedded_in_loop(folder, host_keys=[_Forger()]))
    return await stage.fails(server)


# --- the host's key ---------------------------------------------------------------------------------------------------


async def _known(stage: Stage, line: Callable[[str, str], str]) -> errors.SSHError:
    """Known is what ``line`` makes of the host's name there and its key."""
    server = stage.sshd()
    names, key = server.known_hosts.read_text().splitlines()[0].split(" ", 1)
    file = stage.folder / "known_hosts"
    file.write_text(line(names, key) + "\n")
    return await stage.fails(server, known_hosts=file)


@scene("changed")
async def _changed(stage: Stage) -> errors.SSHError:
    other = make_identity(stage.folder).public_line
    return await _known(stage, lambda names, key: f"{names} {other}")


scene("revoked")(lambda stage: _known(stage, lambda names, key: f"@revoked {names} {key}"))
scene("unknown")(lambda stage: _known(stage, lambda names, key: f"elsewhere.example {key}"))


@scene("certificate")
async def _host_certificate(stage: Stage) -> errors.SSHError:
    authority = make_authority(stage.folder)
    key = ssh_keygen(stage.folder / "host_key")
    certificate = certify(authority, key, "-h", "-V", "20200101:20210101", principals=HOST)
    server = stage.sshd(f"HostKey {key}", f"HostCertificate {certificate}", host_key_types=())
    file = stage.folder / "known_hosts"
    file.write_text(f"@cert-authority * {Path(f'{authority}.pub').read_text()}")
    return await stage.fails(server, known_hosts=file)


# --- logging in -------------------------------------------------------------------------------------------------------


def _fresh_keys(stage: Stage, count: int) -> list[Path]:
    return [ssh_keygen(stage.folder / f"id_{number}") for number in range(count)]


@scene("key-permissions")
async def _key_permissions(stage: Stage) -> errors.SSHError:
    (key,) = _fresh_keys(stage, 1)
    key.chmod(0o644)
    return await stage.fails(stage.sshd(), identity_file=key)


@scene("too-many-keys")
async def _too_many_keys(stage: Stage) -> errors.SSHError:
    server = stage.sshd()
    return await stage.fails(server, identity_file=[*_fresh_keys(stage, 6), server.client_key])


@scene("too-many-answers")
async def _too_many_answers(stage: Stage) -> errors.SSHError:
    server = stage.sshd("MaxAuthTries 1", "KbdInteractiveAuthentication no")
    return await stage.fails(server, identity_file=[], password="wrong")


@scene("more-needed")
async def _more_needed(stage: Stage) -> errors.SSHError:
    return await stage.fails(stage.sshd("AuthenticationMethods publickey,password"), batch_mode=True)


@scene("signature-algorithm")
async def _signature_algorithm(stage: Stage) -> errors.SSHError:
    key = ssh_keygen(stage.folder / "id_rsa", "rsa", bits=2048)
    options = await stage.asyncssh(_Asking, signature_algs=["ssh-ed25519"])
    return await stage.fails(**options, identity_file=key, preferred_authentications="publickey")


@scene("key-type")
async def _key_type(stage: Stage) -> errors.SSHError:
    options = await stage.asyncssh(_Asking, signature_algs=["ecdsa-sha2-nistp256"])
    return await stage.fails(**options, identity_file=_fresh_keys(stage, 1), preferred_authentications="publickey")


scene("key-type-excluded")(lambda stage: _refused(stage, pubkey_accepted_algorithms="rsa-sha2-512", batch_mode=True))
scene("nobody-asked")(lambda stage: stage.fails(stage.sshd(), identity_file=[], batch_mode=True))


@scene("own-keys")
async def _own_keys(stage: Stage) -> errors.SSHError:
    key = stage.folder / "id"
    key.write_text("Wörter".encode("utf-16").decode("latin-1"), encoding="latin-1")
    key.chmod(0o600)
    return await stage.fails(stage.sshd(), identity_file=key, preferred_authentications="publickey")


async def _refused(stage: Stage, **options: Any) -> errors.SSHError:
    return await stage.fails(stage.sshd(), **options)


@scene("key-refused")
async def _key_refused(stage: Stage) -> errors.SSHError:
    """The key stands in authorized_keys, which everybody may write to: sshd does not say so."""
    server = stage.sshd("StrictModes yes")
    server.authorized_keys.chmod(0o666)
    error = await stage.fails(server, preferred_authentications="publickey")
    assert "bad ownership or modes for file" in server.log()
    return error


@scene("password-refused")
async def _password_refused(stage: Stage) -> errors.SSHError:
    return await _refused(stage, identity_file=[], prompts=Person(secrets=["wrong"]))


class _Asking(asyncssh.SSHServer):  # type: ignore[misc]
    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "Sign in", "", "", [("Code: ", True)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return False


@scene("answers-refused")
async def _answers_refused(stage: Stage) -> errors.SSHError:
    options = await stage.asyncssh(_Asking)
    return await stage.fails(**options, prompts=Person(answers=[["1"]]), number_of_password_prompts=1)


scene("no-method")(lambda stage: _refused(stage, preferred_authentications="keyboard-interactive"))


class _Slow(asyncssh.SSHServer):  # type: ignore[misc]
    async def begin_auth(self, username: str) -> bool:
        await asyncio.sleep(SECONDS)
        return True


@scene("login-timeout")
async def _login_timeout(stage: Stage) -> errors.SSHError:
    return await stage.fails(**await stage.asyncssh(_Slow), connect_timeout=3)


class _Closing(asyncssh.SSHServer):  # type: ignore[misc]
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    async def begin_auth(self, username: str) -> bool:
        self.connection.send_auth_banner("The account is closed.\n")
        await asyncio.sleep(0)
        self.connection.abort()
        return True


@scene("closed-at-login")
async def _closed_at_login(stage: Stage) -> errors.SSHError:
    return await stage.fails(**await stage.asyncssh(_Closing))


# --- after the login --------------------------------------------------------------------------------------------------


class _Stuck(_Welcoming):
    async def session_requested(self) -> bool:
        await asyncio.sleep(SECONDS)
        return True


async def _error_of(work: Awaitable[Any]) -> errors.SSHError:
    with pytest.raises(errors.SSHError) as caught:
        await asyncio.wait_for(work, SECONDS)
    return caught.value


@scene("channel-timeout")
async def _channel_timeout(stage: Stage) -> errors.SSHError:
    async with connect(HOST, config="none", known_hosts=stage.folder / "known", **await stage.asyncssh(_Stuck)) as one:
        return await _error_of(one.start("true", timeout=SOON))


def _in(server: PeerServer, **options: Any) -> Any:
    settings = {"user": server.user, "port": server.port, "identity_file": server.client_key, **options}
    return connect(HOST, config="none", known_hosts=server.known_hosts, **settings)


@scene("stream-forbidden")
async def _stream_forbidden(stage: Stage) -> errors.SSHError:
    async with _in(stage.sshd("AllowTcpForwarding no")) as connection:
        return await _error_of(connection.open_tcp(HOST, free_port()))


@scene("stream-refused")
async def _stream_refused(stage: Stage) -> errors.SSHError:
    async with _in(stage.sshd()) as connection:
        return await _error_of(connection.open_tcp(HOST, free_port()))


@scene("channel-refused")
async def _channel_refused(stage: Stage) -> errors.SSHError:
    async with _in(stage.sshd("MaxSessions 1")) as connection:
        await connection.start("cat")
        return await _error_of(connection.start("cat"))


@scene("request-refused")
async def _request_refused(stage: Stage) -> errors.SSHError:
    async with _in(stage.sshd()) as connection:
        return await _error_of(connection.start(subsystem="no-such-subsystem"))


@scene("silent")
async def _silent(stage: Stage) -> errors.SSHError:
    server = stage.sshd()
    link = await stage.stack.enter_async_context(relay(server.port))
    alias = f"[{HOST}]:{server.port}"
    options: dict[str, Any] = {"port": link.port, "host_key_alias": alias}
    async with _in(server, **options, server_alive_interval=1, server_alive_count_max=1) as connection:
        process = await connection.start("cat")
        link.silent = True
        return await _error_of(process.stdout.read())


@scene("slept")
async def _slept(stage: Stage) -> errors.SSHError:
    server = stage.sshd()
    link = await stage.stack.enter_async_context(relay(server.port))
    stage.monkeypatch.setattr(wake, "PERIOD", 0.05)
    stage.monkeypatch.setattr(driver, "PROBE_SECONDS", SOON)
    async with _in(server, port=link.port, host_key_alias=f"[{HOST}]:{server.port}") as connection:
        process = await connection.start("cat")
        link.silent = True
        seconds = wake.seconds
        # No test can put the machine to sleep: the clock that goes on during sleep is three hours ahead.
        stage.monkeypatch.setattr(wake, "seconds", lambda: seconds() + 3 * 3600)
        return await _error_of(process.stdout.read())


class _Leaving(_Welcoming):
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connection = conn

    async def session_requested(self) -> bool:
        self.connection.disconnect(asyncssh.DISC_BY_APPLICATION, "idle for too long")
        return True


@scene("ended")
async def _ended(stage: Stage) -> errors.SSHError:
    options = await stage.asyncssh(_Leaving)
    async with connect(HOST, config="none", known_hosts=stage.folder / "known", **options) as connection:
        return await _error_of(connection.start("true"))


@scene("lost")
async def _lost(stage: Stage) -> errors.SSHError:
    server = stage.sshd()
    link = await stage.stack.enter_async_context(relay(server.port))
    async with _in(server, port=link.port, host_key_alias=f"[{HOST}]:{server.port}") as connection:
        process = await connection.start("cat")
        link.cut()
        return await _error_of(process.stdout.read())
