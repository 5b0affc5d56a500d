"""What SSHFP records say of a key, and what comes of it in the host key policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh.errors import HostKeyChanged, HostKeyRevoked, HostKeyUnknown
from jupyter_ssh.ssh.keys import generate
from jupyter_ssh.ssh.trust import Accept, AcceptAndRemember, Ask, HostKeyPolicy
from jupyter_ssh.ssh.trust.sshfp import ALGORITHMS, HASHES, DnsFinding, Match, SshfpRecord, digest

KEY, OTHER, ECDSA = generate().public, generate().public, generate("ecdsa").public
GOOD = [SshfpRecord(4, number, digest(KEY, number)) for number in (1, 2)]
WRONG = [SshfpRecord(4, number, digest(OTHER, number)) for number in (1, 2)]
ELSE = [SshfpRecord(3, 2, digest(ECDSA, 2))]
UNKNOWN_HASH = SshfpRecord(4, 9, b"\0")
US = "DNSSEC"


@pytest.mark.parametrize(
    ("records", "match"),
    [
        ([], Match.NONE),
        ([UNKNOWN_HASH], Match.NONE),
        (GOOD, Match.MATCH),
        (GOOD[:1], Match.MATCH),
        ([*GOOD, *ELSE, UNKNOWN_HASH], Match.MATCH),
        (WRONG, Match.MISMATCH),
        ([GOOD[0], WRONG[1]], Match.MISMATCH),
        ([WRONG[0], *GOOD], Match.MISMATCH),
        ([SshfpRecord(4, 2, GOOD[1].digest[:-1])], Match.MISMATCH),
        ([SshfpRecord(4, 2, b"")], Match.MISMATCH),
        (ELSE, Match.OTHER_TYPES),
        ([SshfpRecord(1, 2, GOOD[1].digest)], Match.OTHER_TYPES),
    ],
)
def test_matching(records: list[SshfpRecord], match: Match) -> None:
    for validated_by in (None, US):
        finding = DnsFinding(records, validated_by)
        assert finding.match(KEY) is match
        assert finding.vouches_for(KEY) is (match is Match.MATCH and validated_by is not None)
        assert finding.contradicts(KEY) is (match in (Match.MISMATCH, Match.OTHER_TYPES) and validated_by is not None)
        said = "Matching" if match is Match.MATCH else "No matching"
        assert f"{said} host key fingerprint found in DNS" in finding.text(KEY)
        assert ("validated by DNSSEC" in finding.text(KEY)) is (validated_by is not None and match is not Match.NONE)


@pytest.mark.parametrize("name", ["rsa", "ecdsa", "ed25519", "ed448"])
def test_every_type_with_a_number(name: str) -> None:
    key = generate(name).public
    number = ALGORITHMS[key.row.keygen_name]
    finding = DnsFinding([SshfpRecord(number, each, digest(key, each)) for each in HASHES.values()], US)
    assert finding.vouches_for(key)


@pytest.mark.parametrize(
    ("finding", "summary"),
    [
        (DnsFinding(), "no record"),
        (DnsFinding(doubt="no answer within 3 s"), "no answer within 3 s"),
        (DnsFinding(GOOD, US), "matches, validated by DNSSEC"),
        (DnsFinding(GOOD, doubt="it is not signed"), "matches, not validated"),
        (DnsFinding(WRONG, US), "does not match, validated by DNSSEC"),
    ],
)
def test_in_a_few_words(finding: DnsFinding, summary: str) -> None:
    assert finding.summary(KEY) == summary


class TestPolicy:
    @pytest.fixture
    def known(self, tmp_path: Path) -> Path:
        return tmp_path / "known_hosts"

    def judge(self, known: Path, finding: DnsFinding, strict: str = "ask", dns: str = "yes") -> object:
        policy = HostKeyPolicy(strict, [known], verify_host_key_dns=dns)
        return policy.judge("host.example", 22, "192.0.2.1", KEY, finding)

    @pytest.mark.parametrize("strict", ["yes", "ask", "accept-new", "no"])
    def test_a_validated_match_stands_for_a_yes(self, strict: str, known: Path) -> None:
        judgement = self.judge(known, DnsFinding(GOOD, US), strict)
        assert isinstance(judgement, Accept)
        assert judgement.secrets_allowed
        assert not judgement.updates
        assert judgement.notes == ("Matching host key fingerprint found in DNS, validated by DNSSEC.",)

    def test_a_validated_match_is_more_than_an_old_line(self, known: Path) -> None:
        known.write_text(f"host.example {OTHER.line()}\n")
        judgement = self.judge(known, DnsFinding(GOOD, US))
        assert isinstance(judgement, Accept)
        assert f"{known}:1 has another key" in judgement.notes[1]
        assert f"ssh-keygen -R host.example -f {known}" in judgement.notes[1]

    @pytest.mark.parametrize(("dns", "finding"), [("ask", DnsFinding(GOOD, US)), ("yes", DnsFinding(GOOD, doubt="-"))])
    def test_what_only_informs(self, dns: str, finding: DnsFinding, known: Path) -> None:
        judgement = self.judge(known, finding, dns=dns)
        assert isinstance(judgement, Ask)
        assert finding.text(KEY) in judgement.question.text()
        vouching = finding.validated_by is not None
        assert ("only DNS vouches for it" in judgement.question.headline) is vouching
        with pytest.raises(HostKeyUnknown) as unknown:
            self.judge(known, finding, "yes", dns)
        assert "Matching host key fingerprint found in DNS" in unknown.value.message
        assert self.judge(known, finding, "accept-new", dns) == AcceptAndRemember()
        known.write_text(f"host.example {OTHER.line()}\n")
        with pytest.raises(HostKeyChanged) as changed:
            self.judge(known, finding, dns=dns)
        assert finding.text(KEY) in changed.value.facts

    def test_a_revoked_key_stays_revoked(self, known: Path) -> None:
        known.write_text(f"@revoked * {KEY.line()}\n")
        with pytest.raises(HostKeyRevoked):
            self.judge(known, DnsFinding(GOOD, US))

    @pytest.mark.parametrize("records", [WRONG, ELSE])
    def test_a_validated_mismatch_warns(self, records: list[SshfpRecord], known: Path) -> None:
        finding = DnsFinding(records, US)
        warning = finding.text(KEY)
        assert warning.startswith("WARNING: ")
        asked = self.judge(known, finding)
        assert isinstance(asked, Ask)
        assert warning in asked.question.notes
        refused = HostKeyPolicy("ask").refused
        assert warning.rstrip(".") in refused(asked.question, asked=False).message
        assert "DNS" not in refused(asked.question).message
        assert self.judge(known, finding, "accept-new") == AcceptAndRemember((warning,))
        with pytest.raises(HostKeyUnknown, match="WARNING: No matching"):
            self.judge(known, finding, "yes")
        known.write_text(f"host.example {KEY.line()}\n")
        judgement = self.judge(known, finding)
        assert isinstance(judgement, Accept)
        assert judgement.notes == (warning,)

    @pytest.mark.parametrize("finding", [DnsFinding(WRONG, doubt="it is not signed"), DnsFinding(doubt="no answer")])
    def test_nothing_is_said_of_a_known_host_without_proof(self, finding: DnsFinding, known: Path) -> None:
        known.write_text(f"host.example {KEY.line()}\n")
        judgement = self.judge(known, finding)
        assert isinstance(judgement, Accept)
        assert judgement.notes == ()
