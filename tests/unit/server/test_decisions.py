"""Decisions of the server that need no client: options, ways to log in, where to forward, whom to drop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh.errors import ConfigError, KeyFileError
from jupyter_ssh.ssh.keys.certificates.certificate import CertificateKind
from jupyter_ssh.ssh.keys.certificates.signing import sign_certificate
from jupyter_ssh.ssh.keys.files.saving import save_private_key
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.protocol.settings import KeepAlive
from jupyter_ssh.ssh.server.channels.direct_tcpip import may_open
from jupyter_ssh.ssh.server.listening import Server
from jupyter_ssh.ssh.server.logins.method_progress import MethodProgress
from jupyter_ssh.ssh.server.options import ServerOptions, load_host_keys
from tests.support.made_keys import new_key


def nobody(user: str, password: str) -> bool:
    return False


def test_one_method_is_enough_by_default() -> None:
    progress = MethodProgress([["publickey"], ["password"]])
    assert progress.methods == ("publickey", "password")
    assert progress.done("password")


def test_methods_in_sequence() -> None:
    progress = MethodProgress([["publickey", "password"], ["publickey", "keyboard-interactive"], ["password"]])
    assert progress.methods == ("publickey", "password")
    assert not progress.done("publickey")
    assert progress.methods == ("password", "keyboard-interactive")
    progress.restart()
    assert progress.methods == ("publickey", "password")
    assert not progress.done("publickey")
    assert progress.done("keyboard-interactive")


def test_options_say_what_they_offer(tmp_path: Path) -> None:
    options = ServerOptions(passwords=nobody)
    assert options.methods == ("password",)
    assert options.method_sequences == (("password",),)
    assert options.key_files == ()
    many = ServerOptions(authorized_keys=[tmp_path / "a", str(tmp_path / "b")], passwords=nobody)
    assert many.methods == ("publickey", "password")
    assert many.key_files == (tmp_path / "a", tmp_path / "b")
    assert ServerOptions(authorized_keys=str(tmp_path)).key_files == (tmp_path,)


@pytest.mark.parametrize(("count", "given_up_after"), [(3, 3), (1, 1), (0, None)])
def test_clients_are_given_up_after_the_count_and_never_if_it_is_0(count: int, given_up_after: int | None) -> None:
    options = ServerOptions(passwords=nobody, client_alive_interval=2, client_alive_count_max=count)
    assert options.settings([new_key("ssh-ed25519")]).keepalive == KeepAlive(2, given_up_after)


def test_an_unknown_option_is_answered_with_those_that_are_meant() -> None:
    with pytest.raises(ConfigError, match="allow_tcp_forwarding"):
        ServerOptions.of({"passwords": nobody, "allow_tcp_forward": True})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pubkey_auth_options": ["touch_required"]}, "touch_required"),
        ({"pubkey_accepted_algorithms": "ssh-ed25591"}, "ssh-ed25591"),
        ({"ca_signature_algorithms": "+nothing"}, "nothing"),
        ({"authentication_methods": [["password", "password"]]}, "more than once"),
        ({"authentication_methods": [["publickey"]]}, "publickey"),
    ],
)
def test_a_rule_that_would_not_be_kept_is_an_error_at_the_start(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ServerOptions(passwords=nobody, **options)


def test_certificates_of_host_keys_are_offered_before_the_keys() -> None:
    ca, key = generate("ed25519"), generate("ecdsa")
    certificate = sign_certificate(ca, key.public, kind=CertificateKind.HOST, principals=["host"])
    settings = ServerOptions(passwords=nobody, host_certificates=[certificate]).settings([ca, key])
    assert list(settings.algorithms.host_key) == [
        "ecdsa-sha2-nistp256-cert-v01@openssh.com",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
    ]
    assert ServerOptions(trusted_user_ca_keys="file").methods == ("publickey",)


def test_only_algorithms_of_the_host_keys_are_offered() -> None:
    options = ServerOptions(passwords=nobody)
    ed25519, rsa = generate("ed25519"), generate("rsa", 2048)
    assert list(options.settings([ed25519]).algorithms.host_key) == ["ssh-ed25519"]
    offered = options.settings([rsa, ed25519]).algorithms.host_key
    assert set(offered) == {"ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256"}, "no SHA-1"
    chosen = ServerOptions(passwords=nobody, host_key_algorithms="rsa-*", ciphers=["aes128-gcm@openssh.com"])
    algorithms = chosen.settings([rsa, ed25519]).algorithms
    assert set(algorithms.host_key) <= {"rsa-sha2-512", "rsa-sha2-256"}
    assert list(algorithms.ciphers) == ["aes128-gcm@openssh.com"]


def test_host_keys_from_files_and_objects(tmp_path: Path) -> None:
    key = generate()
    save_private_key(tmp_path / "key", key)
    loaded = load_host_keys([tmp_path / "key", str(tmp_path / "key"), key])
    assert [other.public for other in loaded] == [key.public] * 3
    with pytest.raises(KeyFileError):
        load_host_keys([tmp_path / "missing"])


def test_the_file_of_a_security_key_is_no_host_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = generate()
    save_private_key(tmp_path / "sk", new_key("sk-ssh-ed25519@openssh.com"))
    assert load_host_keys([tmp_path / "sk", key]) == (key,)
    assert f"{tmp_path}/sk is not offered" in caplog.text
    with pytest.raises(ConfigError, match="a server needs a host key"):
        load_host_keys([tmp_path / "sk"])


def test_the_seconds_between_exchanges_of_keys() -> None:
    settings = ServerOptions(passwords=nobody, rekey_limit=1 << 20, rekey_seconds=90).settings([generate()])
    assert (settings.rekey_bytes, settings.rekey_seconds) == (1 << 20, 90)


@pytest.mark.parametrize(
    ("destinations", "host", "port", "expected"),
    [
        (None, "anywhere", 1, True),
        ([], "anywhere", 1, False),
        (["db:5432"], "db", 5432, True),
        (["db:5432"], "DB", 5432, True),
        (["db:5432"], "db", 5433, False),
        (["db:*"], "db", 5433, True),
        (["*.example:443"], "www.example", 443, False),
        (["*.example:443"], "example", 443, False),
        (["[::1]:80"], "::1", 80, True),
        (["[::1]:80"], "::2", 80, False),
        (["*:80"], "anything", 80, True),
    ],
)
def test_destinations(destinations: list[str] | None, host: str, port: int, expected: bool) -> None:
    assert may_open(destinations, host, port) is expected


@pytest.mark.parametrize(
    ("waiting", "dice", "dropped"),
    [(9, 0.0, False), (10, 29.9, True), (10, 30.1, False), (55, 64.9, True), (55, 65.1, False), (100, 100.0, True)],
)
def test_early_drop(waiting: int, dice: float, dropped: bool) -> None:
    class Dice:
        def uniform(self, low: float, high: float) -> float:
            assert (low, high) == (0, 100)
            return dice

    server: Any = Server(ServerOptions(passwords=nobody, max_startups=(10, 30, 100)), [generate()])
    # A hundred connections at once are slow to make, and a true die falls where it will.
    server._random = Dice()
    server._starting = set(range(waiting))  # as above
    assert server._full() is dropped  # what a new connection is decided by
