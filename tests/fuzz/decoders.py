"""Everything that reads a file or a blob of a stranger: any bytes give a value or one of the errors it names."""

from __future__ import annotations

import base64
import functools
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.config import resolve
from jupyter_ssh.ssh.crypto.zlib_streams import ZlibCompressor, ZlibDecompressor
from jupyter_ssh.ssh.errors import (
    CertificateError,
    ConfigError,
    KeyFileError,
    KeyFormatError,
    PacketError,
    SignatureError,
)
from jupyter_ssh.ssh.keys import PrivateKey, parse_private_key
from jupyter_ssh.ssh.keys.allowed_signers import AllowedSigners
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertificateKind, parse_key_or_certificate
from jupyter_ssh.ssh.keys.certificates.check import check_user_certificate
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.certificates.text import describe
from jupyter_ssh.ssh.keys.file_signatures import parse_signature, sign_file, verify_file
from jupyter_ssh.ssh.keys.files import openssh_file, pem_encryption, putty_file
from jupyter_ssh.ssh.keys.files.public_text import parse_public_text
from jupyter_ssh.ssh.keys.files.saving import PUBLIC_FORMATS, dump_private_key
from jupyter_ssh.ssh.keys.krl import Krl, parse_krl
from jupyter_ssh.ssh.keys.revoked_keys import parse_revoked_keys
from jupyter_ssh.ssh.server.logins.authorized_keys import AuthorizedKeys
from jupyter_ssh.ssh.trust import KnownHosts
from jupyter_ssh.ssh.trust.host_names import hash_name
from tests.fuzz.target import Target
from tests.support.made_keys import key_of

PASSPHRASE = b"passphrase"
NOW = 1_700_000_000.0
HASTE = (
    (openssh_file, "MAX_ROUNDS", 4),
    (putty_file, "MAX_WORK", 64),
    (putty_file, "MAX_MEMORY", 64),
    (pem_encryption, "MAX_ITERATIONS", 20_000),
    (pem_encryption, "MAX_SCRYPT", 1 << 12),
)
"""Limits of the work that a file may ask for, such that a fuzzer gets on."""


def text_of(data: bytes) -> str:
    """As files are read."""
    return data.decode("utf-8", "surrogateescape")


@functools.cache
def keys() -> tuple[PrivateKey, ...]:
    """One of each kind that a file can hold."""
    names = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "ssh-dss", "ssh-ed448", "ssh-mldsa44-ed25519@openssh.com")
    return tuple(key_of(name) for name in names)


def user_certificate(key: PrivateKey) -> Certificate:
    """With every option there is."""
    return sign_certificate(
        key_of("ssh-ed25519"),
        key.public,
        kind=CertificateKind.USER,
        key_id="a key",
        principals=["alice", "bob"],
        critical_options={"force-command": "ls", "source-address": "10.0.0.0/8,::1/128", "verify-required": None},
    )


# --- private keys -----------------------------------------------------------------------------------------------------


def private_key(data: bytes) -> None:
    """All formats, chosen by what is in the text; the passphrase is that of the seeds."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name, limit in HASTE:
            patch.setattr(module, name, limit)
        try:
            key = parse_private_key(data, PASSPHRASE)
        except (KeyFileError, KeyFormatError):
            return
        assert parse_private_key(dump_private_key(key, rounds=1)).public == key.public


def private_key_seeds() -> Iterator[bytes]:
    """Every format that a key can be written in, with and without the passphrase."""
    for key in keys():
        key.comment = "a comment"
        for file_format in ("openssh", "pem", "pkcs8", "ppk2"):
            for passphrase in (None, PASSPHRASE):
                rounds = 1 if file_format == "openssh" else None
                try:
                    yield dump_private_key(key, passphrase, file_format=file_format, rounds=rounds)
                except KeyFormatError:
                    continue  # the format has no room for this type
    for passphrase in (None, PASSPHRASE):
        yield putty_file.dump(keys()[0], passphrase, memory=64, passes=1)


PRIVATE_KEY_WORDS = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\n",
    b"-----END OPENSSH PRIVATE KEY-----\n",
    b"-----BEGIN PRIVATE KEY-----\n",
    b"-----BEGIN RSA PRIVATE KEY-----\n",
    b"PuTTY-User-Key-File-2: ",
    b"PuTTY-User-Key-File-3: ",
    b"Private-Lines: ",
    b"Private-MAC: ",
    b"Proc-Type: 4,ENCRYPTED\n",
    b"DEK-Info: AES-128-CBC,",
)


def openssh_section(data: bytes) -> None:
    """The inside of OpenSSH's format, without the base64 that hides it from a fuzzer."""
    private_key(
        openssh_file.BEGIN + b"\n" + base64.b64encode(openssh_file.AUTH_MAGIC + data) + b"\n" + openssh_file.END
    )


def openssh_section_seeds() -> Iterator[bytes]:
    """Files of each type, unarmoured."""
    for key in keys():
        yield openssh_file.dearmour(openssh_file.dump(key)).removeprefix(openssh_file.AUTH_MAGIC)
    locked = openssh_file.dump(keys()[0], PASSPHRASE, rounds=1)
    yield openssh_file.dearmour(locked).removeprefix(openssh_file.AUTH_MAGIC)


# --- public keys, certificates, signatures ----------------------------------------------------------------------------


def public_blob(data: bytes) -> None:
    """Keys and certificates as they come over the wire: what is taken is the one way to write it."""
    try:
        key = parse_key_or_certificate(data)
    except KeyFormatError:
        return
    assert key.blob == data
    assert key.fingerprint.startswith("SHA256:")
    assert key.randomart
    if isinstance(key, Certificate):
        assert describe(key)
        for authority in (key.authority, key_of("ssh-ed25519").public):
            try:
                check_user_certificate(key, ["alice"], authorities=[authority], now=NOW, address="10.1.2.3")
            except CertificateError:
                pass
    try:
        key.verify(data, data)
    except SignatureError:
        pass


def public_blob_seeds() -> Iterator[bytes]:
    """A key and a certificate of each type."""
    for key in (*keys(), key_of("sk-ssh-ed25519@openssh.com"), key_of("sk-ecdsa-sha2-nistp256@openssh.com")):
        yield key.public.blob
        yield user_certificate(key).blob


def public_text(data: bytes) -> None:
    """Public key files."""
    try:
        key, comment = parse_public_text(text_of(data))
    except (KeyFileError, KeyFormatError):
        return
    again = PUBLIC_FORMATS["openssh"](key, " ".join(comment.split()))
    assert parse_public_text(again)[0] == key


def public_text_seeds() -> Iterator[bytes]:
    """Every format."""
    for key in keys():
        for write in PUBLIC_FORMATS.values():
            try:
                yield write(key.public, "a comment").encode()
            except KeyFormatError:
                continue
        yield user_certificate(key).line("certified").encode()


def file_signature(data: bytes) -> None:
    """A signature file, and what it is good for."""
    try:
        signature = parse_signature(text_of(data))
        signers = AllowedSigners.parse(f"* {signature.key.line()}\n* cert-authority {signature.key.line()}")
        verify_file(signature, b"message", signers=signers, identity="a", namespace="file", now=NOW)
    except (SignatureError, KeyFormatError, CertificateError):
        pass


def file_signature_seeds() -> Iterator[bytes]:
    """One of each type."""
    for key in keys():
        try:
            yield sign_file(key, b"message", "file").encode()
        except SignatureError:
            continue  # DSA


def revocation_list(data: bytes) -> None:
    """Revocation lists, as binary ones or as lines of keys."""
    try:
        revoked = parse_revoked_keys(data)
    except KeyFormatError:
        return
    revoked.why(keys()[0].public)
    revoked.why(user_certificate(keys()[0]))
    if isinstance(revoked, Krl):
        again = parse_krl(revoked.encode())
        assert (again.keys, again.sha1, again.sha256) == (revoked.keys, revoked.sha1, revoked.sha256)


def revocation_list_seeds() -> Iterator[bytes]:
    """With every kind of section."""
    krl = Krl(version=1, comment="a list")
    krl.revoke(keys()[0].public)
    krl.sha1.add(bytes(20))
    krl.sha256.add(bytes(32))
    ours = krl.of(key_of("ssh-ed25519").public.blob)
    for low, high in ((1, 1), (5, 9), (100, 100), (102, 102), (1 << 60, 1 << 61)):
        ours.serials.add(low, high)
    ours.key_ids.add("a key")
    yield krl.encode()
    yield Krl().encode()
    yield f"# keys\n{keys()[0].public.line()}\n".encode()


# --- lines ------------------------------------------------------------------------------------------------------------


def allowed_signers(data: bytes) -> None:
    """The file of who may sign."""
    signers = AllowedSigners.parse(text_of(data))
    for action in (
        lambda: signers.check("alice@example.org", keys()[0].public, "file", NOW),
        lambda: signers.find_principals(keys()[0].public, NOW),
        lambda: signers.match_principals("alice@example.org"),
    ):
        try:
            action()
        except (SignatureError, CertificateError):
            pass


def allowed_signers_seeds() -> Iterator[bytes]:
    """Lines with all options."""
    line = keys()[0].public.line()
    yield f"alice@example.org {line}\n# comment\n\n*@example.org,!bob@* cert-authority {line}\n".encode()
    yield f'"a b" namespaces="file,git",valid-after="20200101",valid-before="20300101000000Z" {line}\n'.encode()


def authorized_keys(data: bytes) -> None:
    """authorized_keys, and whom it lets in."""
    parsed = AuthorizedKeys.parse(text_of(data))
    assert all(problem.why for problem in parsed.problems)
    for address in ("127.0.0.1", "::1", "fe80::1%eth0"):
        parsed.find(keys()[0].public, address, NOW)


def authorized_keys_seeds() -> Iterator[bytes]:
    """Lines with all options."""
    line = keys()[0].public.line("comment")
    yield f"{line}\n# comment\n\n{keys()[1].public.line()}\r\n".encode()
    for options in (
        'from="10.0.0.0/8,!10.1.*,host?.example,::1",command="echo \\"x\\"",restrict,pty',
        'permitopen="db:5432",permitopen="[::1]:*",expiry-time="20300101Z",no-pty,no-port-forwarding',
        'cert-authority,principals="alice,bob",environment="A=b",permitlisten="8080",tunnel="0"',
        "no-touch-required,verify-required,agent-forwarding,X11-forwarding,user-rc,no-user-rc",
    ):
        yield f"{options} {line}\n".encode()


@functools.cache
def folder() -> Path:
    """For what is only read from files; in memory where the system has such a place."""
    memory = "/dev/shm"
    made = tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None)
    _kept.append(made)
    return Path(made.name)


_kept: list[object] = []


def known_hosts(data: bytes) -> None:
    """known_hosts: no line of it is ever an error."""
    path = folder() / "known_hosts"
    path.write_bytes(data)
    known = KnownHosts.load([path])
    for host, port in (("host.example", 22), ("host.example", 2222), ("10.0.0.1", 22), ("::1", 22)):
        for key in keys()[:2]:
            known.check(host, port, key.public)
        known.known_key_types(host, port)
    assert all(warning for warning in known.warnings)
    known.others_with(keys()[0].public, "host.example")
    known.hosts()


def known_hosts_seeds() -> Iterator[bytes]:
    """Each kind of line."""
    line = keys()[0].public.line()
    hashed = hash_name("host.example", bytes(20))
    yield f"host.example,10.0.0.1 {line} comment\n[host.example]:2222 {keys()[1].public.line()}\n".encode()
    yield f"{hashed} {line}\n*.example,!host.example {line}\n".encode()
    yield f"@cert-authority *.example {line}\n@revoked * {line}\n# comment\n\nhost.example 1024 35 1234567\n".encode()


# Other files are no matter of the reader's, and the system has some that never end.
_OTHER_FILES = re.compile(rb"(?i)include")


class Names:
    """Every name has an address, and some a canonical name."""

    def address(self, name: str) -> str | None:
        return name if name[:1].isdigit() else None

    def canonical(self, name: str, family: str) -> str | None:
        return f"canonical.{name}" if len(name) % 2 else None


def ssh_config(data: bytes) -> None:
    """ssh_config, resolved for a host."""
    if _OTHER_FILES.search(data):
        return
    path = folder() / "config"
    path.write_bytes(data)
    try:
        options = resolve(
            "alice@host.example",
            files=[path],
            user_name="alice",
            home=folder(),
            environment={"HOME": "home"},
            run=len,
            names=Names(),
            addresses=lambda: ["127.0.0.1", "::1"],
        )
    except ConfigError:
        return
    assert options.host
    assert all("\n" not in line for line in options.lines())


def ssh_config_seeds() -> Iterator[bytes]:
    """A bit of everything."""
    yield (
        b"Host *.example !other\n  HostName %h.org\n  Port 22\n  User bob\n\nMatch host host.example user alice\n"
        b"  IdentityFile ~/.ssh/id_%r\n  Compression yes\nMatch final all\n  ServerAliveInterval 1m\n"
    )
    yield b"Ciphers +aes128-cbc\nMACs -hmac*\nKexAlgorithms ^curve25519*\nHostKeyAlgorithms ssh-ed25519\n"
    yield b'SetEnv A=b "C=d e"\nSendEnv LC_*\nRekeyLimit 1G 1h\nEscapeChar ^A\nStrictHostKeyChecking accept-new\n'
    yield b"UserKnownHostsFile ~/a ~/b\nLogLevel=DEBUG3\nCertificateFile x\n"
    yield b"IdentitiesOnly=yes\nIgnoreUnknown a*\nabc 1\n"
    yield b"CanonicalizeHostname yes\nCanonicalDomains a.org b.org\nMatch canonical\n"
    yield b"CanonicalizeHostname always\nCanonicalizePermittedCNAMEs *.a:*.b\nCanonicalizeMaxDots 3\n"
    yield b'Match exec "test %h" localnetwork 10.0.0.0/8,127.0.0.1\nProxyJump a,b@c:3\nMatch tagged x\nTag y\n'


CONFIG_WORDS = (b"Host ", b"Match ", b"final", b"canonical", b"originalhost ", b"%h", b"%%", b"${HOME}", b"~/")


# --- compression ------------------------------------------------------------------------------------------------------


def compressed(data: bytes) -> None:
    """Compressed packets, each with one byte of length in front; none grows beyond the limit."""
    stream = ZlibDecompressor()
    position = 0
    try:
        while position < len(data):
            size = data[position]
            plain = stream.decompress(data[position + 1 : position + 1 + size], 4096)
            assert 0 < len(plain) <= 4096
            position += 1 + size
    except PacketError:
        pass


def compressed_seeds() -> Iterator[bytes]:
    """Some packets of one stream."""
    compressor = ZlibCompressor()
    packets = [compressor.compress(payload) for payload in (b"hello", b"hello hello", bytes(3000), bytes(range(200)))]
    yield b"".join(bytes([len(packet)]) + packet for packet in packets if len(packet) < 256)


def _target(name: str, run: object, seeds: object, longest: int = 3000, words: Iterable[bytes] = ()) -> Target:
    return Target(name, run, seeds, longest, tuple(words))  # type: ignore[arg-type]


KEY_WORDS = tuple(key_type.encode() for key_type in ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "nistp256"))

TARGETS = [
    _target("private-key", private_key, private_key_seeds, 6000, PRIVATE_KEY_WORDS),
    _target("openssh-section", openssh_section, openssh_section_seeds, 6000, KEY_WORDS),
    _target("public-blob", public_blob, public_blob_seeds, 6000, KEY_WORDS),
    _target("public-text", public_text, public_text_seeds, 6000, KEY_WORDS),
    _target("file-signature", file_signature, file_signature_seeds, 6000),
    _target("revocation-list", revocation_list, revocation_list_seeds, words=(b"SSHKRL\n\0",)),
    _target("allowed-signers", allowed_signers, allowed_signers_seeds, 2000, (b"namespaces=", b"cert-authority")),
    _target("authorized-keys", authorized_keys, authorized_keys_seeds, 2000, (b"command=", b"restrict,")),
    _target("known-hosts", known_hosts, known_hosts_seeds, 2000, (b"@revoked ", b"@cert-authority ", b"|1|")),
    _target("ssh-config", ssh_config, ssh_config_seeds, 1000, CONFIG_WORDS),
    _target("compressed", compressed, compressed_seeds, 1000),
]
