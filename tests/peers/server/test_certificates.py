"""Our server with certificates of users and of its own keys: OpenSSH's client, PuTTY's, AsyncSSH, Paramiko, and us."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest

from jupyter_ssh.commands import main
from jupyter_ssh.ssh import connect, errors
from jupyter_ssh.ssh.keys import CertifiedKey, generate, load_private_key, save_private_key
from jupyter_ssh.ssh.keys.certificates.certificate import certificate_name
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.server.options import certified as certified_keys
from tests.peers.algorithm_matrix import record
from tests.peers.server_support import TIMEOUT, asyncssh_client, client_version, ssh
from tests.support.certificates import certify, make_authority
from tests.support.clients import PeerClients
from tests.support.embedded import EmbeddedServer, Factory, LoopThread
from tests.support.identities import Identity, make_identity, run_quietly, ssh_keygen
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.peers import require_tool

DATA = os.urandom(60_000)
ALLOWED = "+ssh-rsa*,ssh-dss*,ssh-mldsa44*"
USER_TYPES = [name for name in OPENSSH_TYPES if not key_of(name).needs_agent]


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == 255 and b"Permission denied" in done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[EmbeddedServer]:
    """A server that believes the authority, and shows a certificate of it."""
    thread = LoopThread()
    server = EmbeddedServer(tmp_path_factory.mktemp("trusting") / "server")
    options: dict[str, Any] = {
        "trusted_user_ca_keys": f"{authority}.pub",
        "pubkey_accepted_algorithms": ALLOWED,
        "max_startups": (100, 30, 100),
    }
    running = thread.run(server.start(authority=authority, **options))
    yield server
    thread.run(running.close())
    thread.stop()


def user_key(folder: Path, key_type: str) -> Identity:
    path = folder / "id_key"
    save_private_key(path, key_of(key_type))
    return Identity(path)


@pytest.mark.parametrize("key_type", USER_TYPES)
def test_openssh_with_certificates_of_every_type(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients, key_type: str
) -> None:
    identity = user_key(tmp_path, key_type)
    options = ["-oPubkeyAcceptedAlgorithms=+ssh-dss*", "-oRekeyLimit=16K"]
    command = ssh(trusting, peer_clients, "cat", *options, identity=identity)
    assert refused(command.run()), "the key alone lets nobody in"
    certify(authority, identity.openssh, principals=f"somebody,{trusting.user}")
    done = command.run(DATA)
    assert done.stdout == DATA, done.stderr
    name = certificate_name(key_of(key_type).public.signature_algorithms[0])
    record(client_version("ssh"), "server", **{"user key": name})


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"])
def test_rsa_with_each_signature(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients, algorithm: str
) -> None:
    identity = user_key(tmp_path, "ssh-rsa")
    certify(authority, identity.openssh, principals=trusting.user)
    name = certificate_name(algorithm)
    options = [f"-oPubkeyAcceptedAlgorithms={name}", "-oRekeyLimit=16K"]
    done = ssh(trusting, peer_clients, "cat", *options, identity=identity).run(DATA)
    assert done.stdout == DATA, done.stderr
    record(client_version("ssh"), "server", **{"user key": name})


@pytest.mark.parametrize("key_type", ["ssh-ed448", "ssh-mldsa44-ed25519@openssh.com", "ssh-dss", *USER_TYPES])
async def test_our_own_client(trusting: EmbeddedServer, tmp_path: Path, key_type: str, authority: Path) -> None:
    """Types that OpenSSH here does not know, too."""
    key = key_of(key_type)
    certificate = sign_certificate(load_private_key(authority), key.public, principals=[trusting.user])
    options: dict[str, Any] = {
        "user": trusting.user,
        "port": trusting.port,
        "known_hosts": trusting.known_hosts,
        "config": "none",
        "pubkey_accepted_algorithms": ALLOWED,
        "preferred_authentications": "publickey",
    }
    async with connect(trusting.host, identity_file=CertifiedKey(key, certificate), **options) as connection:
        assert connection.info.method == "publickey"
    with pytest.raises(errors.AuthenticationError):
        await connect(trusting.host, identity_file=key, **options)


@pytest.mark.parametrize("key_type", ["ssh-ed448", *(name for name in USER_TYPES if name != "ssh-dss")])
async def test_asyncssh(trusting: EmbeddedServer, authority: Path, tmp_path: Path, key_type: str) -> None:
    save_private_key(tmp_path / "id", key_of(key_type))
    certificate = sign_certificate(load_private_key(authority), key_of(key_type).public, principals=[trusting.user])
    (tmp_path / "cert.pub").write_text(certificate.line())
    pair = (str(tmp_path / "id"), str(tmp_path / "cert.pub"))
    # It proposes no certificates for the host unless its known_hosts has an authority.
    async with asyncssh_client(trusting, client_keys=[pair], rekey_bytes=16_000) as connection:
        assert (await connection.run("cat", input=DATA, encoding=None, timeout=TIMEOUT)).stdout == DATA
    name = certificate_name(key_of(key_type).public.signature_algorithms[0])
    record(f"AsyncSSH {asyncssh.__version__}", "server", **{"user key": name})


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_plink_and_paramiko(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients, kind: str
) -> None:
    identity = make_identity(tmp_path, kind, bits=2048 if kind == "rsa" else None)
    certificate = certify(authority, identity.openssh, principals=trusting.user)
    server = trusting
    plink = peer_clients.plink(
        server.host,
        server.port,
        server.user,
        "echo in",
        known_hosts=server.known_hosts,
        identity=identity,
        options=["-cert", str(certificate)],
    )
    done = plink.run()
    assert done.stdout == b"in\n", done.stderr
    client = paramiko.SSHClient()
    client.load_host_keys(str(server.known_hosts))
    try:
        client.connect(
            server.host,
            server.port,
            server.user,
            key_filename=str(certificate),
            look_for_keys=False,
            allow_agent=False,
            timeout=TIMEOUT,
        )
        assert client.exec_command("echo in", timeout=TIMEOUT)[1].read() == b"in\n"
    finally:
        client.close()


@pytest.mark.parametrize(
    ("options", "command", "expected"),
    [
        (["-O", "force-command=echo forced: $SSH_ORIGINAL_COMMAND"], "ls", b"forced: ls\n"),
        (["-O", "source-address=192.0.2.0/24,127.0.0.0/8"], "echo near", b"near\n"),
        (["-O", "source-address=192.0.2.0/24"], "echo far", None),
        (["-O", "critical:only-on-sundays"], "echo unknown", None),
        (["-O", "extension:of-no-meaning"], "echo in", b"in\n"),
        (["-O", "clear"], "tty || true", b"not a tty\n"),
        (["-V", "20200101:20210101"], "echo expired", None),
        (["-V", "20990101:21000101"], "echo early", None),
        (["-n", "somebody-else"], "echo other", None),
        (["-h"], "echo host", None),
    ],
)
def test_what_a_certificate_says_is_done(
    trusting: EmbeddedServer,
    authority: Path,
    tmp_path: Path,
    peer_clients: PeerClients,
    options: list[str],
    command: str,
    expected: bytes | None,
) -> None:
    identity = make_identity(tmp_path)
    certify(authority, identity.openssh, *options, principals=None if "-n" in options else trusting.user)
    done = ssh(trusting, peer_clients, command, identity=identity).run()
    if expected is None:
        assert refused(done)
    else:
        assert done.stdout == expected, done.stderr


def test_what_a_certificate_does_not_permit(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients
) -> None:
    identity = make_identity(tmp_path)
    certify(authority, identity.openssh, "-O", "no-pty", "-O", "no-port-forwarding", principals=trusting.user)
    done = ssh(trusting, peer_clients, "echo in", "-tt", identity=identity).run()
    assert b"PTY allocation request failed" in done.stderr
    done = ssh(trusting, peer_clients, None, "-W", f"127.0.0.1:{trusting.port}", identity=identity).run()
    assert b"administratively prohibited" in done.stderr


def test_an_authority_nobody_trusts(trusting: EmbeddedServer, tmp_path: Path, peer_clients: PeerClients) -> None:
    identity = make_identity(tmp_path)
    certify(make_authority(tmp_path), identity.openssh, principals=trusting.user)
    assert refused(ssh(trusting, peer_clients, "true", identity=identity).run())


def test_a_certificate_of_another_user(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients
) -> None:
    identity = make_identity(tmp_path)
    certify(authority, identity.openssh, principals="guest")
    server = trusting
    command = peer_clients.ssh(server.host, server.port, "guest", "true", identity=identity)
    assert refused(command.run()), "there is no such user"


def test_the_host_s_certificate(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path, peer_clients: PeerClients
) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@cert-authority * {authority.with_suffix('.pub').read_text()}")
    done = ssh(trusting, peer_clients, "echo in", "-v", known_hosts=known_hosts).run()
    assert done.stdout == b"in\n", done.stderr
    assert b"Server host certificate: ssh-ed25519-cert-v01@openssh.com" in done.stderr
    bound = ssh(trusting, peer_clients, "true", "-vvv", known_hosts=known_hosts).run()
    assert b"publickey-hostbound-v00@openssh.com" in bound.stderr
    known_hosts.write_text(f"@cert-authority elsewhere {authority.with_suffix('.pub').read_text()}")
    done = ssh(trusting, peer_clients, "echo in", known_hosts=known_hosts).run()
    assert b"Host key verification failed" in done.stderr


async def test_asyncssh_judges_the_host_s_certificate(
    trusting: EmbeddedServer, authority: Path, tmp_path: Path
) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@cert-authority * {authority.with_suffix('.pub').read_text()}")
    async with asyncssh_client(trusting, known_hosts=str(known_hosts)) as connection:
        assert (await connection.run("echo in", timeout=TIMEOUT)).stdout == "in\n"


# --- who may certify, and for whom ------------------------------------------------------------------------------------

Certified = Callable[..., Identity]


@pytest.fixture
def certified(authority: Path, tmp_path: Path) -> Certified:
    """Makes a key with a certificate."""

    def make(*options: str, principals: str) -> Identity:
        folder = tmp_path / f"user{len(list(tmp_path.glob('user*')))}"
        folder.mkdir()
        identity = make_identity(folder)
        certify(authority, identity.openssh, *options, principals=principals)
        return identity

    return make


@pytest.mark.parametrize(
    ("line", "principals", "admitted"),
    [
        ("cert-authority", "{user}", True),
        ("cert-authority", "other", False),
        ('cert-authority,principals="ops,dev"', "dev", True),
        ('cert-authority,principals="ops,dev"', "{user}", False),
        ('cert-authority,from="192.0.2.0/24"', "{user}", False),
        ("", "{user}", False),
    ],
)
def test_authorities_in_authorized_keys(
    embedded_server: EmbeddedServer,
    peer_clients: PeerClients,
    authority: Path,
    certified: Certified,
    line: str,
    principals: str,
    admitted: bool,
) -> None:
    server = embedded_server
    identity = certified(principals=principals.format(user=server.user))
    server.authorize(f"{line} {authority.with_suffix('.pub').read_text()}")
    done = ssh(server, peer_clients, "echo in", identity=identity).run()
    assert (done.stdout == b"in\n") is admitted, done.stderr
    if line:
        key = peer_clients.ssh(server.host, server.port, server.user, "true", identity=Identity(authority))
        assert refused(key.run()), "an authority is no user"


def test_what_the_line_and_the_certificate_both_say(
    embedded_server: EmbeddedServer, peer_clients: PeerClients, authority: Path, certified: Certified
) -> None:
    server = embedded_server
    server.authorize(f'cert-authority,command="echo line" {authority.with_suffix(".pub").read_text()}')
    plain = certified(principals=server.user)
    assert ssh(server, peer_clients, "ls", identity=plain).run().stdout == b"line\n"
    same = certified("-O", "force-command=echo line", principals=server.user)
    assert ssh(server, peer_clients, "ls", identity=same).run().stdout == b"line\n"
    other = certified("-O", "force-command=echo certificate", principals=server.user)
    assert refused(ssh(server, peer_clients, "ls", identity=other).run()), "which of the two would it be?"


def test_a_file_of_principals(
    embedded_server_factory: Factory, peer_clients: PeerClients, authority: Path, certified: Certified, tmp_path: Path
) -> None:
    principals = tmp_path / "principals"
    principals.write_text('# who may come\nops # always\ncommand="echo limited" dev\nnonsense=1 web\n')
    principals.chmod(0o600)
    server = embedded_server_factory(trusted_user_ca_keys=f"{authority}.pub", authorized_principals=principals)

    def run(names: str) -> subprocess.CompletedProcess[bytes]:
        return ssh(server, peer_clients, "echo in", identity=certified(principals=names)).run()

    assert run("ops").stdout == b"in\n"
    assert run("x,dev").stdout == b"limited\n"
    assert refused(run("web")), "a line that is not understood"
    assert refused(run(server.user)), "the file stands in the place of the name"
    (tmp_path / "principals.d").mkdir(mode=0o755)
    principals.rename(tmp_path / "principals.d" / "1")
    by_wildcard = embedded_server_factory(
        trusted_user_ca_keys=f"{authority}.pub", authorized_principals=tmp_path / "principals.d" / "*"
    )

    def run_by_wildcard(names: str) -> subprocess.CompletedProcess[bytes]:
        return ssh(by_wildcard, peer_clients, "echo in", identity=certified(principals=names)).run()

    assert run_by_wildcard("ops").stdout == b"in\n"
    assert refused(run("ops"))
    (tmp_path / "principals.d" / "1").unlink()
    assert refused(run_by_wildcard(server.user)), "nor does the name count if the pattern fits no file"


@pytest.mark.parametrize("what", ["key", "authority"])
@pytest.mark.parametrize("form", ["text", "krl"])
def test_revoked_keys(
    embedded_server_factory: Factory,
    peer_clients: PeerClients,
    authority: Path,
    certified: Certified,
    tmp_path: Path,
    what: str,
    form: str,
) -> None:
    revoked = tmp_path / "revoked"
    revoked.write_text("")
    server = embedded_server_factory(trusted_user_ca_keys=f"{authority}.pub", revoked_keys=revoked)
    identity = certified(principals=server.user)
    command = ssh(server, peer_clients, "echo in", identity=identity)
    assert command.run().stdout == b"in\n"
    public = f"{authority if what == 'authority' else identity.openssh}.pub"
    if form == "text":
        revoked.write_text(f"# gone\n{Path(public).read_text()}")
    else:
        run_quietly([require_tool("ssh-keygen", "openssh-client"), "-k", "-f", str(revoked), public])
    assert refused(command.run())
    plain = ssh(server, peer_clients, "echo in")
    assert plain.run().stdout == b"in\n", "other keys still let in"
    revoked.unlink()
    assert refused(plain.run()), "nobody knows what stood there"


def test_host_certificates_that_are_none(tmp_path: Path) -> None:
    key, other = generate(), generate()
    user = sign_certificate(other, key.public, principals=["x"])
    strange = sign_certificate(other, other.public)
    for certificate in (user, strange):
        with pytest.raises(errors.ConfigError, match="of no use"):
            certified_keys([key], [certificate])


@pytest.mark.parametrize("flag", ["-oTrustedUserCAKeys", "-oHostCertificate"])
def test_the_daemon_takes_the_options(flag: str, tmp_path: Path, authority: Path) -> None:
    host_key = ssh_keygen(tmp_path / "host")
    value = f"{authority}.pub" if "CA" in flag else str(certify(authority, host_key, "-h", principals="127.0.0.1"))
    assert main(["sshd", "-t", "-h", str(host_key), f"{flag}={value}"]) == 0
    if "Host" in flag:
        assert main(["sshd", "-t", "-h", str(ssh_keygen(tmp_path / "another")), f"{flag}={value}"]) == 255


async def test_asyncssh_is_refused_too(embedded_server_factory: Factory, tmp_path: Path, certified: Certified) -> None:
    server = embedded_server_factory()
    identity = certified(principals=server.user)
    pair = (str(identity.openssh), f"{identity.openssh}-cert.pub")
    with pytest.raises(asyncssh.PermissionDenied):
        await asyncssh_client(server, client_keys=[pair])
