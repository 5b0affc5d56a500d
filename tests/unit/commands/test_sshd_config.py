"""sshd_config lines as ``jupyter-ssh sshd`` takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_ssh.commands.sshd.config import KEYWORDS, ServerConfigReader, authorized_keys_files
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.options import ServerOptions


def read(*lines: str) -> ServerConfigReader:
    reader = ServerConfigReader()
    for number, line in enumerate(lines, 1):
        reader.take_line(line, f"line {number}")
    return reader


def test_every_keyword_leads_to_an_option_of_the_server_or_to_the_config() -> None:
    for row in KEYWORDS.values():
        assert (row.option in ServerOptions.__dataclass_fields__) != (row.put is not None), row.name


def test_values() -> None:
    config = read(
        "# comment",
        "ListenAddress [::1]:2200",
        "ListenAddress=127.0.0.1",
        "Port 2200",
        "HostKey '/a b/key'",
        "HostKey /c",
        "AuthorizedKeysFile %h/.ssh/keys ~/more /%u",
        "LoginGraceTime 1m",
        "LoginGraceTime 2m",
        "MaxStartups 5:50:20",
        "AcceptEnv A B*",
        "AcceptEnv C",
        "SetEnv X=1 'Y=2 3'",
        "Subsystem sftp /usr/lib/sftp-server -e",
        "Subsystem other program",
        "AuthenticationMethods publickey,password password",
        "PermitOpen localhost:80 [::1]:443",
        "ForceCommand echo 'a  b' # c",
        "AllowTcpForwarding local",
        "RekeyLimit 1G 1h",
        "Banner none",
        "PasswordAuthentication yes",
        "LogLevel debug",
        "UsePAM yes",
        "TrustedUserCAKeys /ca",
        "HostCertificate /a-cert.pub",
        "HostCertificate /b-cert.pub",
        "AuthorizedPrincipalsFile %h/principals",
        "RevokedKeys none",
        "PermitUserEnvironment LANG,LC_*",
        "PubkeyAuthOptions verify-required",
        "PubkeyAcceptedAlgorithms +ssh-rsa",
        "CASignatureAlgorithms ssh-ed25519",
    )
    assert config.ignored == ["line 24: UsePAM has no effect here"]
    assert config.config.principals == "%h/principals"
    assert config.config.addresses == [("::1", 2200), ("127.0.0.1", None)]
    assert config.config.ports == [2200]
    assert config.config.host_keys == ["/a b/key", "/c"]
    assert config.config.passwords
    assert config.config.log_level == "DEBUG1"
    assert config.config.options == {
        "login_grace_time": 60,
        "max_startups": (5, 50, 20),
        "accept_env": ("A", "B*", "C"),
        "set_env": {"X": "1", "Y": "2 3"},
        "subsystems": {"sftp": "/usr/lib/sftp-server -e", "other": "program"},
        "authentication_methods": [["publickey", "password"], ["password"]],
        "permit_open": ("localhost:80", "[::1]:443"),
        "force_command": "echo 'a  b' # c",
        "allow_tcp_forwarding": True,
        "rekey_limit": 1 << 30,
        "banner": "",
        "trusted_user_ca_keys": "/ca",
        "host_certificates": ("/a-cert.pub", "/b-cert.pub"),
        "revoked_keys": None,
        "permit_user_environment": ("LANG", "LC_*"),
        "pubkey_auth_options": ("verify-required",),
        "pubkey_accepted_algorithms": "+ssh-rsa",
        "ca_signature_algorithms": "ssh-ed25519",
    }
    files = authorized_keys_files(config.config.authorized_keys or [], "bob", Path("/home/bob"))
    assert files == [Path("/home/bob/.ssh/keys"), Path("/home/bob/more"), Path("/bob")]


def test_a_banner_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "banner").write_text("hello\n", encoding="utf-8")
    (tmp_path / "config").write_text(f"Banner {tmp_path}/banner\r\nPort 7 # c\r\n", encoding="utf-8")
    reader = read("Port 6")
    reader.read(tmp_path / "config")
    assert reader.config.options["banner"] == "hello\n"
    assert reader.config.ports == [6, 7]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AllowUsers alice", "AllowUsers is not supported"),
        ("Match all", "Match is not supported"),
        ("Port", "no argument"),
        ("Port 0", "Bad port"),
        ("Port 1 2", "extra arguments"),
        ("PermitTTY perhaps", "yes or no"),
        ("MaxStartups 9:8", "MaxStartups"),
        ("MaxStartups 9:8:7", "MaxStartups"),
        ("Subsystem sftp", "a name and a command"),
        ("ListenAddress host:x", "Bad port"),
        ("Banner /no/such/file", "No such file"),
        ("ForceCommand", "no argument"),
        ("SetEnv 'x", "invalid quotes"),
        ("PubkeyAuthOptions no-touch", "unsupported PubkeyAuthOptions"),
    ],
)
def test_errors(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: .*{words}"):
        read(line)
