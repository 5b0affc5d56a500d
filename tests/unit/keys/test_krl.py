"""Key revocation lists: all sections, those of ssh-keygen among them, and lists that are broken."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_ssh.ssh.errors import KeyFileError, KeyFormatError, SSHError
from jupyter_ssh.ssh.keys import PublicKey, generate
from jupyter_ssh.ssh.keys import krl as k
from jupyter_ssh.ssh.keys.certificates.certificate import Certificate, CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.krl import Krl, Serials, parse_krl
from jupyter_ssh.ssh.keys.revoked_keys import parse_revoked_keys, read_revoked_keys
from jupyter_ssh.ssh.wire.types import boolean, mpint, string, uint64
from tests.support.peers import require_tool

CA, OTHER_CA, SIGNER = generate(), generate(), generate()
KEY, OTHER = generate().public, generate("ecdsa").public
SERIAL = st.integers(0, (1 << 64) - 1)


def certificate(serial: int = 0, key_id: str = "me", key: PublicKey = KEY) -> Certificate:
    return sign_certificate(CA, key, key_id=key_id, kind=CertificateKind.HOST, principals=["host"], serial=serial)


def of_ca(*sections: tuple[int, bytes], ca: bytes = CA.public.blob) -> bytes:
    body = string(ca) + string("") + b"".join(bytes([kind]) + string(data) for kind, data in sections)
    return Krl().encode() + bytes([k.CERTIFICATES]) + string(body)


class TestSections:
    def test_keys_and_hashes(self) -> None:
        for name, value in (
            ("keys", KEY.blob),
            ("sha1", hashlib.sha1(KEY.blob).digest()),
            ("sha256", hashlib.sha256(KEY.blob).digest()),
        ):
            krl = Krl(comment="why")
            getattr(krl, name).add(value)
            krl = parse_krl(krl.encode())
            assert krl.comment == "why"
            assert krl.why(KEY) == "the key"
            assert krl.why(certificate(3)) == "the key"
            assert krl.why(OTHER) is None
            assert krl.why(certificate(3, key=OTHER)) is None

    def test_an_authority(self) -> None:
        krl = parse_krl(Krl(keys={CA.public.blob}).encode())
        assert krl.why(certificate(3)) == "the authority of its certificate"
        assert krl.why(KEY) is None

    @pytest.mark.parametrize(
        ("section", "revoked", "others"),
        [
            ((k.SERIAL_LIST, uint64(9) + uint64(3) + uint64(1 << 63)), [3, 9, 1 << 63], [0, 2, 4, 8, 10]),
            ((k.SERIAL_LIST, b""), [], [1]),
            ((k.SERIAL_RANGE, uint64(5) + uint64((1 << 64) - 1)), [5, 6, (1 << 64) - 1], [4]),
            ((k.SERIAL_BITMAP, uint64(100) + mpint(0b1011)), [100, 101, 103], [99, 102, 104]),
            ((k.SERIAL_BITMAP, uint64(0) + mpint(0b1)), [], [0, 1]),
            ((k.CERTIFICATE_EXTENSION, string("x") + boolean(False) + string("y")), [], [1]),
        ],
    )
    def test_serials(self, section: tuple[int, bytes], revoked: list[int], others: list[int]) -> None:
        krl = parse_krl(of_ca(section))
        assert all(krl.why(certificate(serial)) == "its certificate's serial number" for serial in revoked)
        assert all(krl.why(certificate(serial)) is None for serial in others)
        assert parse_krl(krl.encode()).of(CA.public.blob).serials.ranges() == krl.of(CA.public.blob).serials.ranges()
        other = parse_krl(of_ca(section, ca=OTHER_CA.public.blob))
        assert all(other.why(certificate(serial)) is None for serial in revoked)
        anybody = parse_krl(of_ca(section, ca=b""))
        assert all(anybody.why(certificate(serial)) for serial in revoked)

    def test_key_ids(self) -> None:
        krl = parse_krl(of_ca((k.KEY_ID, string("me") + string("you"))))
        assert krl.why(certificate(0, "me")) == "its certificate's key ID"
        assert krl.why(certificate(0, "they")) is None

    def test_an_extension(self) -> None:
        plain = Krl().encode() + bytes([k.EXTENSION]) + string(string("x@example.com") + boolean(False) + string("y"))
        assert parse_krl(plain).why(KEY) is None

    def test_signatures(self) -> None:
        unsigned = Krl(keys={KEY.blob}).encode()
        before = unsigned + bytes([k.SIGNATURE]) + string(SIGNER.public.blob)
        signed = before + string(SIGNER.sign(before))
        assert parse_krl(signed).signed_by == (SIGNER.public,)
        assert parse_krl(signed, [SIGNER.public]).why(KEY)
        again = signed + bytes([k.SIGNATURE]) + string(CA.public.blob)
        again += string(CA.sign(again))
        assert parse_krl(again, [CA.public]).signed_by == (SIGNER.public, CA.public)
        for data, message in (
            (unsigned, "not signed by an accepted key"),
            (signed, "not signed by an accepted key"),
            (signed.replace(KEY.blob, OTHER.blob[: len(KEY.blob)]), "signature"),
            (signed + unsigned[-len(KEY.blob) - 9 :], "follows the signature"),
        ):
            with pytest.raises(KeyFormatError, match=message):
                parse_krl(data, [CA.public])


@given(st.lists(st.tuples(SERIAL, SERIAL).map(sorted)), st.lists(SERIAL), SERIAL)
def test_ranges_hold_what_was_added(ranges: list[list[int]], numbers: list[int], other: int) -> None:
    serials = Serials()
    for low, high in ranges:
        serials.add(low, high)
    serials.add_packed(b"".join(map(uint64, numbers)))

    def expected(serial: int) -> bool:
        return serial in numbers or any(low <= serial <= high for low, high in ranges)

    for serial in (other, *numbers, *(end + step for pair in ranges for end in pair for step in (-1, 0, 1))):
        assert (serial in serials) is expected(serial)
    shown = serials.ranges()
    assert all(first[1] + 1 < second[0] for first, second in itertools.pairwise(shown))


class TestBroken:
    GOOD = of_ca((k.SERIAL_BITMAP, uint64(1) + mpint(7)), (k.KEY_ID, string("me")))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "not a key revocation list"),
            (k.MAGIC + b"\0\0\0\2" + bytes(60), "unknown version"),
            (GOOD[:-1], "malformed"),
            (GOOD + b"\x63" + string(""), "unknown section"),
            (of_ca((0x63, b"")), "unknown certificate section"),
            (of_ca((k.SERIAL_LIST, bytes(7))), "wrong size"),
            (of_ca((k.SERIAL_RANGE, uint64(2) + uint64(1))), "invalid range"),
            (of_ca((k.SERIAL_RANGE, bytes(17))), "malformed"),
            (of_ca((k.SERIAL_BITMAP, uint64(1) + mpint(-7))), "negative"),
            (of_ca((k.SERIAL_BITMAP, uint64((1 << 64) - 1) + mpint(7))), "overflows"),
            (of_ca((k.CERTIFICATE_EXTENSION, string("x") + boolean(True) + string(""))), "critical extension"),
            (of_ca(ca=b"nonsense"), "malformed"),
            (Krl().encode() + bytes([k.SHA1]) + string(string(bytes(19))), "wrong size"),
            (
                Krl().encode() + bytes([k.EXTENSION]) + string(string("x") + boolean(True) + string("")),
                "critical extension",
            ),
            (k.MAGIC + bytes(k.MAX_SIZE), "too long"),
        ],
    )
    def test_is_an_error(self, data: bytes, message: str) -> None:
        with pytest.raises(KeyFormatError, match=message):
            parse_krl(data)

    @given(st.data())
    def test_any_change(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.GOOD) - 1))
        broken = self.GOOD[:place] + data.draw(st.binary(max_size=8)) + self.GOOD[place + 1 :]
        try:
            parse_revoked_keys(broken).why(certificate(3))
        except SSHError:
            pass

    def test_files(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "missing", Path(os.devnull)):
            with pytest.raises(KeyFileError):
                read_revoked_keys(path)
        lines = tmp_path / "lines"
        lines.write_text(f"# comment\n\n{KEY.line('of host')}\n{certificate(1, key=OTHER).line()}\n")
        assert read_revoked_keys(lines).why(KEY)
        assert read_revoked_keys(lines).why(certificate(7))
        assert read_revoked_keys(lines).why(OTHER) is None
        lines.write_text(f"{CA.public.line()}\n")
        assert read_revoked_keys(lines).why(certificate(7)) == "the authority of its certificate"
        lines.write_text(f"{KEY.line()}\nssh-ed25519 broken\n")
        with pytest.raises(KeyFileError, match="line 2"):
            read_revoked_keys(lines)


class TestOfSshKeygen:
    @staticmethod
    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        tool = require_tool("ssh-keygen", "openssh-client")
        return subprocess.run([tool, *words], cwd=folder, capture_output=True, text=True, timeout=60)

    @pytest.mark.parametrize("ca", ["ca.pub", "none"])
    def test_its_lists(self, ca: str, tmp_path: Path) -> None:
        """What it packs as lists, ranges and bitmaps, and both verdicts of many certificates."""
        (tmp_path / "ca.pub").write_text(CA.public.line())
        revoked = [*range(10, 20), 25, 1000, *range(2000, 2100, 2), 1 << 40, (1 << 64) - 1]
        (tmp_path / "spec").write_text(
            "serial: 5-7\nid: nobody\n" + "".join(f"serial: {serial}\n" for serial in revoked)
        )
        made = self.run(tmp_path, "-k", "-f", "krl", "-s", ca, "spec")
        assert made.returncode == 0, made.stderr
        krl = read_revoked_keys(tmp_path / "krl")
        tried = [1, 4, 5, 7, 8, 9, 10, 19, 20, 25, 999, 1000, 2000, 2001, 2098, 2099, 2100, 1 << 40, (1 << 64) - 1]
        for serial in tried:
            assert (krl.why(certificate(serial)) is not None) is (serial in {5, 6, 7, *revoked}), serial
        assert krl.why(certificate(1, "nobody")) is not None

    def test_our_lists(self, tmp_path: Path) -> None:
        krl = Krl()
        krl.revoke(OTHER)
        krl.revoke(certificate(0, "by id"))
        krl.of(CA.public.blob).serials.add(7, 9)
        krl.sha256.add(hashlib.sha256(SIGNER.public.blob).digest())
        (tmp_path / "krl").write_bytes(krl.encode())
        keys = {
            "other": OTHER,
            "signer": SIGNER.public,
            "good": KEY,
            **{f"cert{serial}": certificate(serial) for serial in (6, 7, 9, 10)},
            "id": certificate(1, "by id"),
        }
        for name, key in keys.items():
            (tmp_path / name).write_text(key.line("me"))
        shown = self.run(tmp_path, "-Q", "-f", "krl", *keys).stdout.splitlines()
        expected = {f"{name} (me)": "REVOKED" if krl.why(key) else "ok" for name, key in keys.items()}
        assert dict(line.split(": ") for line in shown) == expected
        assert set(expected.values()) == {"ok", "REVOKED"}
