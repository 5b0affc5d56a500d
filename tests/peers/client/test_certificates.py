"""Our client logs in with certificates, and judges those of hosts: OpenSSH's sshd and AsyncSSH."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from jupyter_ssh.ssh import connect, errors
from jupyter_ssh.ssh.keys import (
    SIGNATURE_ALGORITHMS,
    CertifiedKey,
    generate,
    load_certificate,
    load_private_key,
    save_private_key,
)
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind, certificate_name
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.server import listen
from tests.peers.algorithm_matrix import record
from tests.peers.client_support import Person, reach, software, talking
from tests.support.certificates import certify, make_authority
from tests.support.clients import PeerClients
from tests.support.fixtures import watch
from tests.support.identities import Identity, ssh_keygen
from tests.support.made_keys import OPENSSH_TYPES, key_of
from tests.support.servers import PeerServer, start_openssh

ALLOWED = "+ssh-rsa*,ssh-dss*"
USER_TYPES = [name for name in OPENSSH_TYPES if not key_of(name).needs_agent]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def sshd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Any]:
    """An sshd that believes the authority; its own keys are in known_hosts, as always."""
    server = start_openssh(
        tmp_path_factory.mktemp("sshd"),
        f"TrustedUserCAKeys {authority}.pub",
        f"PubkeyAcceptedAlgorithms {ALLOWED}",
        "LogLevel DEBUG3",
        host_key_types=("ed25519",),
    )
    yield watch(request.node, server)
    server.stop()


# --- certificates of users --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", USER_TYPES)
async def test_certificates_of_every_type(sshd: PeerServer, authority: Path, tmp_path: Path, key_type: str) -> None:
    path = tmp_path / "id"
    key = key_of(key_type)
    save_private_key(path, key)
    certify(authority, path, principals=sshd.user, key_id=f"id of {key_type}")
    legacy = key_type == "ssh-dss"
    async with talking(sshd, identity_file=path, legacy=legacy) as connection:
        assert connection.info.method == "publickey"
        assert connection.info.key_fingerprint == key.public.fingerprint
    assert f"id of {key_type}" in sshd.log()
    name = certificate_name(key.public.signature_algorithms[0])
    record(software(connection.channel_host.session.info), "client", **{"user key": name})


@pytest.mark.parametrize(
    "algorithm",
    [name for key_type in USER_TYPES for name in key_of(key_type).public.signature_algorithms],
)
async def test_keys_of_every_type(certified_host: PeerServer, algorithm: str) -> None:
    key = key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)
    certified_host.authorize(key.public.line())
    async with reach(certified_host, identity_file=key, pubkey_accepted_algorithms=algorithm) as connection:
        assert connection.info.key_fingerprint == key.public.fingerprint


@pytest.mark.parametrize("algorithm", ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa"])
async def test_rsa_certificates_with_each_signature(
    sshd: PeerServer, authority: Path, tmp_path: Path, algorithm: str
) -> None:
    path = ssh_keygen(tmp_path / "id", "rsa", bits=2048)
    certify(authority, path, principals=sshd.user)
    name = certificate_name(algorithm)
    async with talking(sshd, identity_file=path, pubkey_accepted_algorithms=name) as connection:
        assert connection.info.method == "publickey"
    assert f"{name}" in sshd.log()
    record(software(connection.channel_host.session.info), "client", **{"user key": name})
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(sshd, identity_file=path, pubkey_accepted_algorithms="ssh-ed25519", password_authentication=False)
    assert {outcome for _, _, outcome in caught.value.attempts} == {
        "PubkeyAcceptedAlgorithms allows no signature by a ssh-rsa key",
        "PubkeyAcceptedAlgorithms allows no signature by a ssh-rsa-cert-v01@openssh.com key",
    }


async def test_a_certificate_file_and_a_key_in_memory(sshd: PeerServer, authority: Path, tmp_path: Path) -> None:
    path = ssh_keygen(tmp_path / "id")
    elsewhere = certify(authority, path, principals=sshd.user).rename(tmp_path / "elsewhere.pub")
    with pytest.raises(errors.AuthenticationError):
        await reach(sshd, identity_file=path, preferred_authentications="publickey")
    options: dict[str, Any] = {"certificate_file": elsewhere, "preferred_authentications": "publickey"}
    async with reach(sshd, identity_file=path, **options) as connection:
        assert connection.info.method == "publickey"
    certified = CertifiedKey(load_private_key(path), load_certificate(elsewhere)[0])
    async with reach(sshd, identity_file=certified) as connection:
        assert connection.info.method == "publickey"
    other = ssh_keygen(tmp_path / "other")
    with pytest.raises(errors.AuthenticationError, match="no private key for it"):
        await reach(sshd, identity_file=other, **options)


async def test_the_passphrase_is_asked_for_once_and_late(sshd: PeerServer, authority: Path, tmp_path: Path) -> None:
    """The key itself is not wanted, its certificate is: one question, after the server has said so."""
    path = ssh_keygen(tmp_path / "id", passphrase="correct horse")
    certify(authority, path, principals=sshd.user)
    person = Person(secrets=["correct horse"])
    async with reach(sshd, identity_file=path, prompts=person) as connection:
        assert connection.info.method == "publickey"
    assert len(person.asked) == 1


async def test_the_order_of_keys_is_openssh_s(
    sshd: PeerServer, authority: Path, tmp_path: Path, peer_clients: PeerClients
) -> None:
    """Certificates that are named, then each key with its own behind it, as ssh says of itself."""
    keys = [ssh_keygen(tmp_path / name) for name in ("first", "second", "third")]
    stranger = make_authority(tmp_path, "stranger")
    for key in keys[:2]:
        certify(stranger, key, principals=sshd.user)
    named = tmp_path / "named-cert.pub"
    shutil.copy(certify(stranger, keys[2], principals=sshd.user), named)
    Path(f"{keys[2]}-cert.pub").unlink()
    for certificates in ([], [named]):
        words = [f"-oCertificateFile={path}" for path in certificates]
        words += [word for key in keys for word in ("-i", str(key))]
        command = peer_clients.ssh(sshd.host, sshd.port, sshd.user, "true", options=["-v", *words])
        command.argv[:] = [word for word in command.argv if word != "-oIdentityFile=none"]
        done = await command.run_async()
        lines = [line for line in done.stderr.decode().splitlines() if "Offering public key:" in line]
        theirs = [tuple(line.split("Offering public key: ")[1].split()[:2]) for line in lines]
        with pytest.raises(errors.AuthenticationError) as caught:
            await reach(
                sshd,
                identity_file=keys,
                certificate_file=[str(path) for path in certificates] or None,
                preferred_authentications="publickey",
            )
        ours = [offered.split()[0] for _, offered, _ in caught.value.attempts]
        assert len(theirs) == len(ours)
        for (path, kind), attempt in zip(theirs, ours, strict=True):
            certificate = kind.endswith("-CERT")
            expected = path if not certificate or path.endswith(".pub") else f"{path}-cert.pub"
            assert attempt == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-V", "20200101:20210101"], "expired"),
        (["-V", "20990101:21000101"], "not yet valid"),
        (["-n", "somebody-else"], "not a listed principal"),
        (["-O", "critical:only-on-sundays"], "is not supported"),
        (["-O", "source-address=192.0.2.0/24"], "not permitted"),
    ],
)
async def test_what_the_server_does_not_take(
    sshd: PeerServer, authority: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    path = ssh_keygen(tmp_path / "id")
    principals = None if "-n" in options else sshd.user
    certify(authority, path, *options, principals=principals)
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(sshd, identity_file=path, preferred_authentications="publickey")
    assert [(method, outcome) for method, _, outcome in caught.value.attempts] == [("publickey", "refused")] * 2
    assert caught.value.attempts[1][1].startswith(f"{path}-cert.pub SHA256:")
    assert said in sshd.log()
    if "-V" in options:
        assert "the certificate " in (caught.value.next_step or "")


@pytest.mark.parametrize(("setting", "bound"), [("yes", True), ("host-bound", True), ("unbound", False)])
async def test_signatures_bound_to_the_host_key(
    openssh_server_factory: Any, tmp_path: Path, setting: str, bound: bool
) -> None:
    server = openssh_server_factory("LogLevel DEBUG3", host_key_types=("ed25519",))
    async with reach(server, pubkey_authentication=setting) as connection:
        assert connection.info.method == "publickey"
    assert ("publickey-hostbound-v00@openssh.com" in server.log().replace("ext-info", "")) is bound


ASYNCSSH_TYPES = ["ssh-ed448", *USER_TYPES]


@pytest.mark.parametrize("key_type", ASYNCSSH_TYPES)
async def test_asyncssh_takes_certificates(asyncssh_server_factory: Any, key_type: str) -> None:
    """AsyncSSH's authorities stand in authorized_keys."""
    ca, key = generate(), key_of(key_type)
    names = [name.decode() for name in (*asyncssh.public_key.get_public_key_algs(), b"ssh-dss")]
    server = await asyncssh_server_factory(signature_algs=list(dict.fromkeys(names)), methods=["publickey"])
    server.authorized_keys.write_text(f"cert-authority {ca.public.line()}\n")
    certificate = sign_certificate(ca, key.public, principals=[server.user])
    certified = CertifiedKey(key, certificate)
    async with talking(server, identity_file=certified, legacy=key_type == "ssh-dss") as connection:
        assert connection.info.method == "publickey"
    record(
        software(connection.channel_host.session.info),
        "client",
        **{"user key": certified.public.signature_algorithms[0]},
    )
    with pytest.raises(errors.AuthenticationError):
        await reach(server, identity_file=key, legacy=True)


# --- certificates of hosts --------------------------------------------------------------------------------------------

HOST_TYPES = [name for name in OPENSSH_TYPES if name != "ssh-dss" and not key_of(name).needs_agent]


@pytest.fixture(scope="module")
def certified_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Path
) -> Iterator[PeerServer]:
    """An sshd with a host key and a certificate of each type."""
    folder = tmp_path_factory.mktemp("certified")
    lines = []
    for key_type in HOST_TYPES:
        path = folder / key_type
        save_private_key(path, key_of(key_type))
        certificate = certify(authority, path, "-h", principals="127.0.0.1,localhost")
        lines += [f"HostKey {path}", f"HostCertificate {certificate}"]
    lines += [f"{keyword} {ALLOWED}" for keyword in ("HostKeyAlgorithms", "PubkeyAcceptedAlgorithms")]
    server = start_openssh(folder, *lines, host_key_types=())
    server.known_hosts.write_text(f"@cert-authority * {authority.with_suffix('.pub').read_text()}")
    yield watch(request.node, server)
    server.stop()


@pytest.fixture
def known_hosts(tmp_path: Path, authority: Path) -> Path:
    """A known_hosts file in which nothing but the authority stands."""
    path = tmp_path / "known_hosts"
    path.write_text(f"@cert-authority * {authority.with_suffix('.pub').read_text()}")
    return path


@pytest.mark.parametrize("key_type", HOST_TYPES)
async def test_host_certificates_of_every_type(certified_host: PeerServer, known_hosts: Path, key_type: str) -> None:
    names = [certificate_name(name) for name in key_of(key_type).public.signature_algorithms]
    before = known_hosts.read_text()
    for name in names:
        options = {"known_hosts": known_hosts, "host_key_algorithms": name, "strict_host_key_checking": "yes"}
        async with talking(certified_host, **options) as connection:
            assert connection.info.host_key_algorithm == name
            assert connection.info.host_key_fingerprint == key_of(key_type).public.fingerprint
        record(software(connection.channel_host.session.info), "client", **{"host key": name})
    assert known_hosts.read_text() == before


async def test_who_vouches_is_said(
    certified_host: PeerServer, known_hosts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", "jupyter_ssh"):
        async with talking(certified_host, known_hosts=known_hosts):
            pass
    shown = r'Server host certificate: \S+ SHA256:\S+, serial \d+ ID ".*" CA \S+ SHA256:\S+ valid \w'
    assert re.search(shown, caplog.text)
    assert re.search(r"Host '\S+' is known and matches the \S+-CERT host certificate\.", caplog.text)
    assert f"Found CA key in {known_hosts}:1" in caplog.text


async def test_certificates_come_first_where_an_authority_is_known(
    certified_host: PeerServer, known_hosts: Path
) -> None:
    options: dict[str, Any] = {"known_hosts": known_hosts, "strict_host_key_checking": "yes"}
    with known_hosts.open("a") as file:  # a known key would come first otherwise
        file.write(f"[127.0.0.1]:{certified_host.port} {key_of('ssh-rsa').public.line()}\n")
    async with reach(certified_host, **options) as connection:
        assert connection.info.host_key_algorithm == "ssh-ed25519-cert-v01@openssh.com"
        connection.channel_host.session.rekey()
        assert (await connection.run("echo in")).stdout == b"in\n"
    known_hosts.write_text(f"[127.0.0.1]:{certified_host.port} {key_of('ssh-rsa').public.line()}\n")
    async with reach(certified_host, **options) as connection:
        assert connection.info.host_key_algorithm == "rsa-sha2-512-cert-v01@openssh.com"
        assert connection.info.host_key_fingerprint == key_of("ssh-rsa").public.fingerprint


async def test_the_plain_key_is_what_is_asked_about_and_written(certified_host: PeerServer, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    person = Person(host_key=True)
    async with reach(certified_host, known_hosts=path, prompts=person) as connection:
        assert connection.info.host_key_algorithm.endswith("-cert-v01@openssh.com")
    key = key_of("ssh-ed25519").public
    assert [question.key for question in person.questions] == [key]
    assert path.read_text().split(None, 1)[1].startswith(key.line())
    async with reach(certified_host, known_hosts=path, strict_host_key_checking="yes"):
        pass


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ({"valid_before": 1}, errors.CertificateExpired),
        ({"valid_after": (1 << 40)}, errors.CertificateNotYetValid),
        ({"principals": ["elsewhere"]}, errors.CertificatePrincipalError),
        ({"critical_options": {"only-on-sundays": None}}, errors.CertificateOptionError),
        ({"authority": generate()}, errors.CertificateAuthorityUnknown),
    ],
)
async def test_a_host_certificate_that_does_not_vouch(
    tmp_path: Path, statement: dict[str, Any], kind: type[errors.CertificateError]
) -> None:
    """Shown by our own server: sshd would not start with some of them."""
    ca, host_key = generate(), generate()
    options = {"authority": ca, "kind": CertificateKind.HOST, "principals": ["127.0.0.1"], **statement}
    signer = options.pop("authority")
    certificate = sign_certificate(signer, host_key.public, **options)
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"@cert-authority * {ca.public.line()}\n")
    server = await listen(host_keys=[host_key], host_certificates=[certificate], passwords=lambda user, password: False)
    async with server:
        with pytest.raises(errors.HostCertificateError) as caught:
            await connect(
                "alice@127.0.0.1",
                port=server.port,
                known_hosts=known_hosts,
                config="none",
                strict_host_key_checking="yes",
            )
    assert isinstance(caught.value.problem, kind)
    assert known_hosts.read_text() == f"@cert-authority * {ca.public.line()}\n", "nothing is written"


async def test_a_revoked_authority(certified_host: PeerServer, known_hosts: Path, authority: Path) -> None:
    with known_hosts.open("a") as file:
        file.write(f"@revoked * {authority.with_suffix('.pub').read_text()}")
    with pytest.raises(errors.HostKeyRevoked, match="authority"):
        await reach(certified_host, known_hosts=known_hosts)


async def test_asyncssh_shows_a_host_certificate(
    asyncssh_server_factory: Any, authority: Path, known_hosts: Path, tmp_path: Path, identity: Identity
) -> None:
    host_key = ssh_keygen(tmp_path / "host")
    certificate = certify(authority, host_key, "-h", principals="127.0.0.1")
    server = await asyncssh_server_factory(server_host_keys=[(str(host_key), str(certificate))])
    async with reach(server, known_hosts=known_hosts, strict_host_key_checking="yes") as connection:
        assert connection.info.host_key_algorithm == "ssh-ed25519-cert-v01@openssh.com"
