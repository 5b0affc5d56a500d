"""Every option of authorized_keys, as it is felt by a client of our server."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.keys import CertifiedKey, generate, save_private_key
from jupyter_ssh.ssh.keys.certificates.signing import DEFAULT_EXTENSIONS, sign_certificate
from jupyter_ssh.ssh.keys.types.security_keys import USER_PRESENT, USER_VERIFIED
from tests.peers.client_support import reach
from tests.peers.server_support import TIMEOUT, asyncssh_client, ssh
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory
from tests.support.identities import Identity, make_identity
from tests.support.made_keys import SoftwareSecurityKey, key_of


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == 255 and b"Permission denied" in done.stderr


SHOW = 'echo "$A,$B,$PATH_OF_MINE"'


@pytest.mark.parametrize(
    ("permitted", "expected"),
    [(False, b",,\n"), (True, b"1,x=y,\n"), ("B", b",x=y,\n"), (["A", "Z*"], b"1,,\n"), ("*,!A", b",x=y,\n")],
)
def test_environment(
    embedded_server_factory: Factory, peer_clients: PeerClients, identity: Identity, permitted: Any, expected: bytes
) -> None:
    if isinstance(permitted, str):
        permitted = permitted.split(",")
    server = embedded_server_factory(permit_user_environment=permitted, accept_env=["A", "B"])
    server.authorize(f'environment="A=1",environment="B=x=y",environment="A=2" {identity.public_line}')
    done = ssh(server, peer_clients, SHOW, identity=identity).run()
    assert done.stdout == expected, done.stderr


def test_what_the_server_knows_better(
    embedded_server_factory: Factory, peer_clients: PeerClients, identity: Identity
) -> None:
    server = embedded_server_factory(permit_user_environment=True, set_env={"B": "server"})
    server.authorize(f'environment="HOME=/evil",environment="USER=evil",environment="B=key" {identity.public_line}')
    done = ssh(server, peer_clients, 'echo "$HOME $USER $B"', identity=identity).run()
    assert done.stdout.decode() == f"{server.home} {server.user} server\n"


@pytest.mark.parametrize(
    ("options", "host", "allowed"),
    [
        ('permitopen="127.0.0.1:{port}"', "127.0.0.1", True),
        ('permitopen="127.0.0.1:*"', "127.0.0.1", True),
        ('permitopen="*:{port}"', "127.0.0.1", True),
        ('permitopen="127.*:{port}"', "127.0.0.1", False),  # sshd(8): no patterns
        ('permitopen="localhost:{port}"', "127.0.0.1", False),
        ('permitopen="127.0.0.1:1",permitopen="127.0.0.1:{port}"', "127.0.0.1", True),
        ('permitopen="127.0.0.1:{port}",no-port-forwarding', "127.0.0.1", False),
        ("restrict", "127.0.0.1", False),
        ("restrict,port-forwarding", "127.0.0.1", True),
        ('permitlisten="8080"', "127.0.0.1", True),
    ],
)
async def test_where_a_key_may_connect_to(
    embedded_server: EmbeddedServer, identity: Identity, options: str, host: str, allowed: bool
) -> None:
    server = embedded_server
    server.authorize(f"{options.format(port=server.port)} {identity.public_line}")
    async with asyncssh_client(server, client_keys=[str(identity.openssh)]) as connection:
        if allowed:
            reader, writer = await connection.open_connection(host, server.port)
            assert (await reader.readline()).startswith(b"SSH-2.0-")
            writer.close()
        else:
            with pytest.raises(asyncssh.ChannelOpenError, match="not allowed"):
                await connection.open_connection(host, server.port)


@pytest.mark.parametrize(
    "options",
    ['tunnel="0"', "no-such-option", "command", 'from="10.0.0.1/8"', 'principals=""', 'environment="A-B=1"', "no-pty="],
)
def test_a_line_that_is_not_understood(
    embedded_server: EmbeddedServer,
    peer_clients: PeerClients,
    identity: Identity,
    options: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    embedded_server.authorize(f"{options} {identity.public_line}")
    with caplog.at_level(logging.WARNING):
        assert refused(ssh(embedded_server, peer_clients, "true", identity=identity).run())
    assert f"{embedded_server.authorized_keys} line 2 is ignored" in caplog.text
    assert ssh(embedded_server, peer_clients, "true").run().returncode == 0, "the other lines count"


# --- security keys ----------------------------------------------------------------------------------------------------


class DeviceAtHand(SoftwareSecurityKey):
    """Signs here rather than through an agent."""

    @property
    def needs_agent(self) -> bool:
        return False


ED25519_SK, ECDSA_SK = "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"


@pytest.mark.parametrize(
    ("flags", "line", "server_wide", "admitted"),
    [
        (USER_PRESENT, "", (), True),
        (0, "", (), False),
        (0, "no-touch-required", (), True),
        (0, "no-touch-required", ("touch-required",), False),
        (USER_PRESENT, "verify-required", (), False),
        (USER_PRESENT | USER_VERIFIED, "verify-required", (), True),
        (USER_PRESENT, "", ("verify-required",), False),
        (USER_VERIFIED, "verify-required", (), False),
    ],
)
async def test_what_the_device_must_have_done(
    embedded_server_factory: Factory, flags: int, line: str, server_wide: tuple[str, ...], admitted: bool
) -> None:
    server = embedded_server_factory(pubkey_auth_options=server_wide)
    key = DeviceAtHand(ECDSA_SK if flags else ED25519_SK)
    key.flags_said = flags
    server.authorize(f"{line} {key.public.line()}")
    options: dict[str, Any] = {"identity_file": key, "preferred_authentications": "publickey"}
    if admitted:
        async with reach(server, **options) as connection:
            assert connection.info.key_fingerprint == key.public.fingerprint
    else:
        with pytest.raises(errors.AuthenticationError):
            await reach(server, **options)


@pytest.mark.parametrize(
    ("flags", "critical", "extensions", "admitted"),
    [
        (USER_PRESENT, {}, {}, True),
        (0, {}, {}, False),
        (0, {}, {"no-touch-required": None}, True),
        (USER_PRESENT, {"verify-required": None}, {}, False),
        (USER_PRESENT | USER_VERIFIED, {"verify-required": None}, {}, True),
    ],
)
async def test_what_a_certificate_wants_of_the_device(
    embedded_server_factory: Factory,
    tmp_path: Path,
    flags: int,
    critical: dict[str, None],
    extensions: dict[str, None],
    admitted: bool,
) -> None:
    ca, key = generate(), DeviceAtHand(ED25519_SK)
    key.flags_said = flags
    authorities = tmp_path / "authorities"
    authorities.write_text(ca.public.line() + "\n")
    server = embedded_server_factory(trusted_user_ca_keys=authorities)
    certificate = sign_certificate(
        ca,
        key.public,
        principals=[server.user],
        critical_options=critical,
        extensions={**DEFAULT_EXTENSIONS, **extensions},
    )

    class Certified(CertifiedKey):
        needs_agent = False  # type: ignore[assignment]

    options: dict[str, Any] = {
        "identity_file": Certified(key, certificate),
        "preferred_authentications": "publickey",
    }
    if admitted:
        async with reach(server, **options) as connection:
            assert connection.info.key_fingerprint == key.public.fingerprint
    else:
        with pytest.raises(errors.AuthenticationError):
            await reach(server, **options)


async def test_both_must_say_that_no_touch_is_needed(embedded_server: EmbeddedServer) -> None:
    ca, key = generate(), DeviceAtHand(ED25519_SK)
    key.flags_said = 0
    server = embedded_server
    extensions = {**DEFAULT_EXTENSIONS, "no-touch-required": None}
    certificate = sign_certificate(ca, key.public, principals=[server.user], extensions=extensions)

    class Certified(CertifiedKey):
        needs_agent = False  # type: ignore[assignment]

    options: dict[str, Any] = {
        "identity_file": Certified(key, certificate),
        "preferred_authentications": "publickey",
    }
    server.authorize(f"cert-authority {ca.public.line()}")
    with pytest.raises(errors.AuthenticationError):
        await reach(server, **options)
    server.authorize(f"cert-authority,no-touch-required {ca.public.line()}")
    with pytest.raises(errors.AuthenticationError):
        await reach(server, **options)
    server.authorized_keys.write_text(f"cert-authority,no-touch-required {ca.public.line()}\n")
    async with reach(server, **options):
        pass


# --- algorithms of old keys -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dsa", "rsa"])
def test_old_keys_by_name(
    embedded_server_factory: Factory, peer_clients: PeerClients, tmp_path: Path, kind: str
) -> None:
    server = embedded_server_factory(pubkey_accepted_algorithms="+ssh-rsa,ssh-dss")
    identity = make_identity(tmp_path, kind, bits=2048 if kind == "rsa" else None)
    server.authorize(identity.public_line)
    algorithm = {"dsa": "ssh-dss", "rsa": "ssh-rsa"}[kind]
    option = f"-oPubkeyAcceptedAlgorithms={algorithm}"
    done = ssh(server, peer_clients, "echo in", option, identity=identity).run()
    assert done.stdout == b"in\n", done.stderr
    modern = embedded_server_factory()
    modern.authorize(identity.public_line)
    assert refused(ssh(modern, peer_clients, "true", option, identity=identity).run())


@pytest.mark.parametrize("key_type", ["ssh-ed448", "ssh-ed25519", "ecdsa-sha2-nistp521", "ssh-rsa"])
async def test_asyncssh_with_keys(embedded_server: EmbeddedServer, tmp_path: Path, key_type: str) -> None:
    save_private_key(tmp_path / "id", key_of(key_type))
    embedded_server.authorize(key_of(key_type).public.line())
    async with asyncssh_client(embedded_server, client_keys=[str(tmp_path / "id")]) as connection:
        assert (await connection.run("echo in", timeout=TIMEOUT)).stdout == "in\n"


@pytest.mark.parametrize("key_type", ["ssh-ed448", "ssh-mldsa44-ed25519@openssh.com", "ssh-dss", "ssh-rsa"])
async def test_our_own_client_with_keys_others_do_not_know(embedded_server_factory: Factory, key_type: str) -> None:
    allowed = "+ssh-dss,ssh-mldsa44-ed25519@openssh.com"
    server = embedded_server_factory(pubkey_accepted_algorithms=allowed)
    server.authorize(key_of(key_type).public.line())
    options: dict[str, Any] = {"identity_file": key_of(key_type), "pubkey_accepted_algorithms": allowed}
    async with reach(server, **options) as connection:
        assert connection.info.method == "publickey"
    strict = embedded_server_factory()
    strict.authorize(key_of(key_type).public.line())
    if key_type in ("ssh-dss", "ssh-mldsa44-ed25519@openssh.com"):
        with pytest.raises(errors.AuthenticationError, match="accepts no signature"):
            await reach(strict, preferred_authentications="publickey", **options)


# --- what a server says of the signatures it takes --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "key_type", "admitted"),
    [
        (("rsa-sha2-256", "rsa-sha2-512"), "ssh-ed25519", True),  # OpenSSH 7.2 to 7.5 name what was new
        (("rsa-sha2-256",), "ssh-rsa", True),
        (("ssh-ed25519", "rsa-sha2-256"), "ecdsa-sha2-nistp256", False),
        ((), "ssh-rsa", True),
        ((), "ssh-ed25519", True),
    ],
)
async def test_server_sig_algs(
    embedded_server: EmbeddedServer, said: tuple[str, ...], key_type: str, admitted: bool
) -> None:
    server = embedded_server
    assert server.server is not None
    server.server.settings = replace(server.server.settings, signature_algorithms=said)
    server.authorize(key_of(key_type).public.line())
    options: dict[str, Any] = {"identity_file": key_of(key_type), "preferred_authentications": "publickey"}
    if admitted:
        async with reach(server, **options):
            pass
    else:
        with pytest.raises(errors.AuthenticationError, match="accepts no signature"):
            await reach(server, **options)


async def test_an_old_server_that_says_nothing(embedded_server_factory: Factory) -> None:
    """It knows SHA-1 only, which one word allows for it."""
    server = embedded_server_factory(pubkey_accepted_algorithms="ssh-rsa")
    assert server.server is not None
    server.server.settings = replace(server.server.settings, signature_algorithms=())
    server.authorize(key_of("ssh-rsa").public.line())
    options: dict[str, Any] = {"identity_file": key_of("ssh-rsa"), "preferred_authentications": "publickey"}
    with pytest.raises(errors.AuthenticationError):
        await reach(server, **options)
    async with reach(server, legacy=True, **options) as connection:
        assert connection.info.method == "publickey"
