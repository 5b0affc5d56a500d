"""What ``-G`` prints where OpenSSH 10.5 differs from 9.2, with which tests/peers/config compares everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh.config import resolve

# A line of ssh_config, and the lines that OpenSSH 10.5 prints for its keyword; None: without such a line.
PRINTED_BY_10_5: list[tuple[str | None, str, list[str]]] = [
    (None, "CanonicalizePermittedCNAMEs", ["canonicalizePermittedcnames none"]),
    ("CanonicalizePermittedCNAMEs *.a:*.b", "CanonicalizePermittedCNAMEs", ["canonicalizePermittedcnames *.a:*.b"]),
    (None, "ChannelTimeout", ["channeltimeout none"]),
    ("ChannelTimeout session=5m", "ChannelTimeout", ["channeltimeout session=5m"]),
    ("ChannelTimeout none", "ChannelTimeout", ["channeltimeout none"]),
    (None, "IPQoS", ["ipqos ef cs0"]),
    ("IPQoS lowdelay throughput", "IPQoS", ["ipqos none none"]),
    ("IPQoS Reliability", "IPQoS", ["ipqos none none"]),
    ("IPQoS 0x10 0x08", "IPQoS", ["ipqos 0x10 0x08"]),
    ("IPQoS le", "IPQoS", ["ipqos le le"]),
    (None, "ObscureKeystrokeTiming", ["obscurekeystroketiming yes"]),
    ("ObscureKeystrokeTiming interval:80", "ObscureKeystrokeTiming", ["obscurekeystroketiming interval:80"]),
    (None, "RevokedHostKeys", ["revokedhostkeys none"]),
    ("RevokedHostKeys none", "RevokedHostKeys", ["revokedhostkeys none"]),
    ("RevokedHostKeys ~/${WHERE}/%h-%%", "RevokedHostKeys", ["revokedhostkeys /home/alice/there/web-%"]),
    (None, "SecurityKeyProvider", ["securitykeyprovider $SSH_SK_PROVIDER"]),
    ("SecurityKeyProvider $OTHER", "SecurityKeyProvider", ["securitykeyprovider $OTHER"]),
    ("SecurityKeyProvider internal", "SecurityKeyProvider", ["securitykeyprovider internal"]),
    ('SetEnv A=%h-${WHERE} "B=1 %%"', "SetEnv", ["setenv A=web-there", "setenv B=1 %"]),
    ("User %h-${WHERE}", "User", ["user web-there"]),
    (None, "WarnWeakCrypto", ["warnweakcrypto yes"]),
    ("WarnWeakCrypto true", "WarnWeakCrypto", ["warnweakcrypto yes"]),
    ("WarnWeakCrypto no-pq-kex", "WarnWeakCrypto", ["warnweakcrypto no-pq-kex"]),
    ("WarnWeakCrypto no", "WarnWeakCrypto", ["warnweakcrypto no"]),
]


@pytest.mark.parametrize(("line", "keyword", "printed"), PRINTED_BY_10_5)
def test_what_openssh_10_5_prints(line: str | None, keyword: str, printed: list[str], tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"{line or ''}\n", encoding="utf-8")
    options = resolve("web", files=[file], user_name="alice", home=Path("/home/alice"), environment={"WHERE": "there"})
    assert [text for text in options.lines() if text.partition(" ")[0].lower() == keyword.lower()] == printed
