"""Certificates in place of keys: ``-i signed-cert.pub``, and ``-i FILE`` whose ``FILE.pub`` is a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import errors
from jupyter_ssh.ssh.client.report.progress import DEBUG1, Progress
from jupyter_ssh.ssh.keys import load_private_key
from tests.peers.client_support import Person, reach
from tests.support.agents import OwnAgent
from tests.support.certificates import certify, make_authority
from tests.support.clients import PeerClients
from tests.support.fixtures import watch
from tests.support.identities import run_quietly, ssh_keygen
from tests.support.peers import require_tool
from tests.support.servers import PeerServer, start_openssh

ONLY_KEYS: dict[str, Any] = {"preferred_authentications": "publickey", "identities_only": True}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def sshd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Any]:
    """It believes the authority, and knows none of the keys by themselves."""
    folder = tmp_path_factory.mktemp("sshd")
    server = start_openssh(folder, f"TrustedUserCAKeys {authority}.pub", host_key_types=("ed25519",))
    yield watch(request.node, server)
    server.stop()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return ssh_keygen(tmp_path / "id_rsa", "rsa", bits=2048)


@pytest.fixture
def certificate(sshd: PeerServer, authority: Path, key: Path) -> Path:
    """As Vault's documentation has it: not named after the key, and readable by all."""
    place = certify(authority, key, principals=sshd.user).rename(key.parent / "signed-cert.pub")
    place.chmod(0o644)
    return place


async def _succeeds(server: PeerServer, **options: Any) -> None:
    async with reach(server, **{**ONLY_KEYS, **options}) as connection:
        assert connection.info.method == "publickey"


async def _fails(server: PeerServer, **options: Any) -> errors.AuthenticationError:
    with pytest.raises(errors.AuthenticationError) as caught:
        await reach(server, **{**ONLY_KEYS, **options})
    return caught.value


class _Told(Progress):
    """Keeps the lines of the log."""

    def __init__(self, name: str = "", *, jump: bool = False) -> None:
        super().__init__(name, jump=jump)
        self.lines: list[str] = []

    def note(self, text: str, level: int = DEBUG1) -> None:
        self.lines.append(text)


@pytest.mark.parametrize("first", ["the certificate", "the key"])
async def test_an_identity_file_that_is_a_certificate(
    sshd: PeerServer, certificate: Path, key: Path, peer_clients: PeerClients, first: str
) -> None:
    files = [certificate, key] if first == "the certificate" else [key, certificate]
    words = [word for path in files for word in ("-i", str(path))]
    theirs = peer_clients.ssh(sshd.host, sshd.port, sshd.user, "true", options=words)
    theirs.argv[:] = [word for word in theirs.argv if word != "-oIdentityFile=none"]
    assert (await theirs.run_async()).returncode == 0
    await _succeeds(sshd, identity_file=files)


async def test_its_key_is_encrypted(sshd: PeerServer, certificate: Path, key: Path) -> None:
    run_quietly([require_tool("ssh-keygen", "openssh-client"), "-q", "-p", "-N", "secret", "-f", str(key)])
    person = Person(secrets=["secret"])
    await _succeeds(sshd, identity_file=[certificate, key], prompts=person)
    assert len(person.asked) == 1


@pytest.mark.parametrize("only", [True, False])
async def test_its_key_is_only_in_an_agent(
    sshd: PeerServer, certificate: Path, key: Path, own_agent: OwnAgent, only: bool
) -> None:
    own_agent.server.keyring.add(load_private_key(key))
    key.unlink()
    options = {"identity_agent": own_agent.socket, "identities_only": only}
    await _succeeds(sshd, identity_file=certificate, **options)


async def test_its_key_is_nowhere(sshd: PeerServer, certificate: Path) -> None:
    error = await _fails(sshd, identity_file=certificate)
    assert "no private key for it" in str(error)
    assert "its private key" in (error.next_step or "")
    for wrong in ("chmod", "without .pub", "Convert"):
        assert wrong not in str(error)


async def test_a_certificate_of_a_host(sshd: PeerServer, authority: Path, key: Path) -> None:
    place = certify(authority, key, "-h", principals="localhost").rename(key.parent / "of-host.pub")
    error = await _fails(sshd, identity_file=[place, key])
    assert "it is a host certificate" in str(error)


@pytest.mark.parametrize("form", ["openssh", "encrypted PEM"])
async def test_the_public_half_of_a_file_is_a_certificate(
    sshd: PeerServer, certificate: Path, key: Path, form: str
) -> None:
    keygen = require_tool("ssh-keygen", "openssh-client")
    person = Person(secrets=["secret"])
    if form != "openssh":
        run_quietly([keygen, "-q", "-p", "-m", "PEM", "-N", "secret", "-f", str(key)])
    certificate.rename(f"{key}.pub")
    await _succeeds(sshd, identity_file=key, prompts=person)


async def test_only_the_public_half_is_there_and_the_key_is_in_an_agent(
    sshd: PeerServer, certificate: Path, key: Path, own_agent: OwnAgent
) -> None:
    own_agent.server.keyring.add(load_private_key(key))
    key.unlink()
    certificate.rename(f"{key}.pub")
    await _succeeds(sshd, identity_file=key, identity_agent=own_agent.socket)


async def test_only_the_public_half_is_there_and_the_key_is_nowhere(
    sshd: PeerServer, certificate: Path, key: Path
) -> None:
    key.unlink()
    certificate.rename(f"{key}.pub")
    """It is named by the file that is there; `ssh -v` tells the type by the name that was given."""
    told = _Told()
    error = await _fails(sshd, identity_file=key, progress=told)
    assert [offer.split()[0] for _, offer, _ in error.attempts] == [f"{key}.pub"]
    assert f"identity file {key} type 4" in told.lines


async def test_both_are_offered_the_key_first(sshd: PeerServer, authority: Path, key: Path, certificate: Path) -> None:
    stranger = make_authority(key.parent, "stranger")
    certificate.unlink()
    certify(stranger, key, principals=sshd.user).rename(f"{key}.pub")
    error = await _fails(sshd, identity_file=key)
    assert [offer.split()[0] for _, offer, _ in error.attempts] == [str(key), f"{key}.pub"]


async def test_a_key_that_others_can_read_beside_a_certificate(sshd: PeerServer, certificate: Path, key: Path) -> None:
    """Here the advice is right, and the certificate does not hide it."""
    certificate.rename(f"{key}.pub")
    key.chmod(0o644)
    error = await _fails(sshd, identity_file=key)
    assert f"chmod 600 {key}" in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("public", "this is a public key"),
        ("notes", "not a private key"),
        ("x509", "this is an X.509 certificate"),
    ],
)
async def test_a_file_that_is_no_private_key_may_be_readable(
    sshd: PeerServer, key: Path, content: str, said: str
) -> None:
    path = key.parent / "named"
    texts = {"public": Path(f"{key}.pub").read_text(), "notes": "some notes\n"}
    texts["x509"] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    path.write_text(texts[content])
    path.chmod(0o644)
    error = await _fails(sshd, identity_file=path)
    assert said in str(error)
    for wrong in ("chmod", "without .pub", "Convert"):
        assert wrong not in str(error)


@pytest.mark.parametrize(("count", "names"), [(2, "other0, other1"), (18, "other15, …")])
async def test_a_certificate_for_other_users(
    sshd: PeerServer, authority: Path, key: Path, count: int, names: str
) -> None:
    others = ",".join(f"other{number}" for number in range(count))
    certificate = certify(authority, key, principals=others)
    error = await _fails(sshd, identity_file=key, certificate_file=certificate)
    assert (error.next_step or "").endswith(
        f"{names} but not {sshd.user}; that is enough only if the server maps them (AuthorizedPrincipalsFile)."
    )
