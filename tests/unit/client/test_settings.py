"""From options to what a session proposes."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.ssh.client.login.settings import session_settings
from jupyter_ssh.ssh.config import resolve
from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.exchange import EXCHANGES
from jupyter_ssh.ssh.crypto.grades import Grade
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.protocol.settings import Algorithms


def proposed(*options: str) -> Algorithms:
    """With these on the command line."""
    resolved = resolve("host", command_line=options, user_name="alice", home=Path("/home/alice"))
    return session_settings(resolved, ()).algorithms


def test_modern_algorithms_are_proposed_by_default() -> None:
    algorithms = proposed()
    for names, table in ((algorithms.kex, EXCHANGES), (algorithms.ciphers, CIPHERS), (algorithms.macs, MACS)):
        assert {table[name].grade for name in names} == {Grade.MODERN}
    assert algorithms.compression == ("none", "zlib@openssh.com")


def test_one_word_allows_the_old_ones_behind_them() -> None:
    modern, algorithms = proposed(), proposed("Legacy=yes")
    pairs = [(modern.kex, algorithms.kex), (modern.ciphers, algorithms.ciphers), (modern.macs, algorithms.macs)]
    for before, names in pairs:
        assert tuple(names[: len(before)]) == tuple(before)
    assert "3des-cbc" in algorithms.ciphers
    assert "hmac-md5-96" in algorithms.macs
    assert "diffie-hellman-group1-sha1" in algorithms.kex
    assert "arcfour" not in algorithms.ciphers
    assert "zlib" in algorithms.compression
    assert algorithms.macs[-1].startswith("umac-64")


def test_broken_ones_need_their_names() -> None:
    assert proposed("Ciphers=+arcfour").ciphers[-1] == "arcfour"
    with pytest.raises(ConfigError):
        proposed("Ciphers=arc*")


def test_compression_comes_first_when_it_is_wanted() -> None:
    assert proposed("Compression=yes").compression == ("zlib@openssh.com", "none")
    assert proposed("Compression=yes", "Legacy=yes").compression == ("zlib@openssh.com", "zlib", "none")


def test_a_list_written_for_openssh_may_hold_what_we_have_not() -> None:
    lists = "MACs=hmac-ripemd160,umac-64@openssh.com,hmac-sha2-256"
    assert proposed(lists).macs == ("umac-64@openssh.com", "hmac-sha2-256")
    with pytest.raises(ConfigError, match="no MAC is left"):
        proposed("MACs=hmac-ripemd160,hmac-ripemd160@openssh.com")
    with pytest.raises(ConfigError, match=r"Bad SSH2 MAC spec .*hmac-sha3-256 is unknown"):
        proposed("MACs=hmac-sha2-256,hmac-sha3-256")


def host_key_algorithms(*options: str, known: tuple[str, ...] = (), has_authority: bool = False) -> list[str]:
    resolved = resolve("host", command_line=options, user_name="alice", home=Path("/home/alice"))
    return list(session_settings(resolved, known, has_authority).algorithms.host_key)


def test_certificates_are_proposed_as_openssh_proposes_them() -> None:
    default = host_key_algorithms()
    certificates = [name for name in default if "-cert-" in name]
    assert default[: len(certificates)] == certificates
    assert "ssh-rsa-cert-v01@openssh.com" not in default
    known = host_key_algorithms(known=("ssh-rsa",))
    assert known[:4] == [
        "rsa-sha2-512-cert-v01@openssh.com",
        "rsa-sha2-256-cert-v01@openssh.com",
        "rsa-sha2-512",
        "rsa-sha2-256",
    ]
    both = host_key_algorithms(known=("ssh-rsa",), has_authority=True)
    assert both[: len(certificates) + 2] == [*certificates, "rsa-sha2-512", "rsa-sha2-256"]
    assert sorted(default) == sorted(known) == sorted(both)
    named = "ssh-ed25519,rsa-sha2-512"
    assert host_key_algorithms(f"HostKeyAlgorithms={named}", known=("ssh-rsa",), has_authority=True) == named.split(",")


def test_round_trips_can_be_left_unmarked(tmp_path: Path) -> None:
    """On the command line, and for one host in a file."""
    config = tmp_path / "config"
    config.write_text("IgnoreUnknown WindowProbe\nHost touchy\n  WindowProbe no\n")
    for host, options, expected in (
        ("touchy", [], False),
        ("other", [], True),
        ("other", ["WindowProbe=no"], False),
        ("touchy", ["WindowProbe=yes"], True),
    ):
        resolved = resolve(host, command_line=options, files=[config], user_name="alice", home=tmp_path)
        assert session_settings(resolved, ()).window_probe is expected
