"""What is written is what was meant, whatever is in it: key files of every format, certificates, signatures, lists."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFormatError
from jupyter_ssh.ssh.keys import KEY_TYPES, generate, parse_private_key
from jupyter_ssh.ssh.keys.allowed_signers import AllowedSigners
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind, parse_certificate
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.certificates.validity import FOREVER
from jupyter_ssh.ssh.keys.file_signatures import check_novalidate, parse_signature, sign_file
from jupyter_ssh.ssh.keys.files import openssh_file, putty_file
from jupyter_ssh.ssh.keys.files.public_text import parse_public_text
from jupyter_ssh.ssh.keys.files.saving import FORMATS_WITH_COMMENT, PRIVATE_FORMATS, PUBLIC_FORMATS, dump_private_key
from jupyter_ssh.ssh.keys.krl import Krl, parse_krl
from tests.support.made_keys import PLAIN_TYPE, key_of

CA = generate()
IN_FILES = [name for name in KEY_TYPES if name not in PLAIN_TYPE]
FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

# One line, and no blanks at its ends: more no format keeps.
COMMENTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]) | st.just(" "), max_size=60).map(
    str.strip
)
PASSPHRASES = st.none() | st.binary(min_size=1, max_size=60).filter(lambda secret: b"\0" not in secret)


@pytest.fixture(scope="module", autouse=True)
def quick_passphrases() -> Any:
    """One round of bcrypt and little of Argon2: what is stretched is no matter of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openssh_file, "ROUNDS", 1)
        patch.setitem(
            PRIVATE_FORMATS, "ppk3", lambda key, secret, *_: putty_file.dump(key, secret, memory=64, passes=1)
        )
        yield


@pytest.mark.parametrize("file_format", PRIVATE_FORMATS)
@pytest.mark.parametrize("key_type", IN_FILES)
@FEW
@given(comment=COMMENTS, passphrase=PASSPHRASES)
def test_private_keys(key_type: str, file_format: str, comment: str, passphrase: bytes | None) -> None:
    key = key_of(key_type)
    before, key.comment = key.comment, comment
    try:
        text = dump_private_key(key, passphrase, file_format=file_format)
    except KeyFormatError:
        return  # the format has no room for the type, see test_saving
    finally:
        key.comment = before
    again = parse_private_key(text, passphrase)
    assert again.public == key.public
    assert again.private_fields() == key.private_fields()
    if file_format in FORMATS_WITH_COMMENT:
        assert again.comment == comment


@pytest.mark.parametrize("file_format", PUBLIC_FORMATS)
@pytest.mark.parametrize("key_type", IN_FILES)
@FEW
@given(comment=COMMENTS)
def test_public_keys(key_type: str, file_format: str, comment: str) -> None:
    key = key_of(key_type).public
    try:
        text = PUBLIC_FORMATS[file_format](key, comment)
    except KeyFormatError:
        return
    again, read = parse_public_text(text)
    assert again == key
    if file_format == "openssh":
        assert read.split() == comment.split()


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
OPTIONS = st.dictionaries(st.sampled_from(["force-command", "source-address", "x@example.com"]), NAMES, max_size=3)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(CertificateKind),
    key_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    principals=st.lists(NAMES, max_size=4),
    serial=st.integers(0, FOREVER),
    times=st.lists(st.integers(0, FOREVER), min_size=2, max_size=2, unique=True).map(sorted),
    critical=OPTIONS,
    extensions=st.dictionaries(st.sampled_from(["permit-pty", "y@example.com"]), st.none(), max_size=2),
)
def test_certificates(
    kind: CertificateKind,
    key_id: str,
    principals: list[str],
    serial: int,
    times: list[int],
    critical: dict[str, str | None],
    extensions: dict[str, str | None],
) -> None:
    made = sign_certificate(
        CA,
        key_of("ecdsa-sha2-nistp256").public,
        kind=kind,
        key_id=key_id,
        principals=principals,
        serial=serial,
        valid_after=times[0],
        valid_before=times[1],
        critical_options=critical,
        extensions=extensions,
    )
    said = parse_certificate(made.blob).statement
    assert (said.kind, said.key_id, said.principals, said.serial) == (kind, key_id, tuple(principals), serial)
    assert (said.valid_after, said.valid_before) == tuple(times)
    assert set(said.critical_options) == set(critical)
    assert said.extensions == dict.fromkeys(extensions, b"")
    assert parse_certificate(made.blob).blob == made.blob


@settings(max_examples=40)
@given(st.binary(max_size=200), NAMES, st.sampled_from(["sha256", "sha512"]))
def test_file_signatures(message: bytes, namespace: str, hash_name: str) -> None:
    text = sign_file(CA, message, namespace, hash_name=hash_name)
    signature = parse_signature(text)
    assert (signature.key, signature.namespace, signature.hash_name) == (CA.public, namespace, hash_name)
    check_novalidate(signature, message, namespace)


@settings(max_examples=60)
@given(
    st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.lists(st.sampled_from(["file", "git", "x y"]), min_size=1, max_size=3),
)
def test_allowed_signers(principals: str, namespaces: list[str]) -> None:
    line = f'"{principals}" namespaces="{",".join(namespaces)}" {CA.public.line("a comment")}'
    parsed = AllowedSigners.parse(line)
    assert [(entry.principals, entry.namespaces, entry.key) for entry in parsed.entries] == [
        (principals, ",".join(namespaces), CA.public)
    ], parsed.problems


NUMBERS = st.integers(1, 200) | st.integers(1, FOREVER)


@settings(max_examples=60)
@given(
    version=st.integers(0, FOREVER),
    comment=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    hashes=st.sets(st.binary(min_size=32, max_size=32), max_size=3),
    serials=st.lists(NUMBERS, max_size=20),
    ids=st.sets(NAMES, max_size=3),
)
def test_revocation_lists(version: int, comment: str, hashes: set[bytes], serials: list[int], ids: set[str]) -> None:
    krl = Krl(version=version, comment=comment, sha256=hashes, sha1={value[:20] for value in hashes})
    krl.revoke(CA.public)
    revoked = krl.of(CA.public.blob)
    for number in serials:
        revoked.serials.add(number)
    revoked.key_ids.update(ids)
    again = parse_krl(krl.encode())
    assert (again.version, again.comment, again.keys) == (version, comment, krl.keys)
    assert (again.sha1, again.sha256) == (krl.sha1, krl.sha256)
    assert again.of(CA.public.blob).serials.ranges() == revoked.serials.ranges()
    assert again.of(CA.public.blob).key_ids == ids
