"""sshd_config lines as ``jupyter-ssh sshd`` takes them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_ssh.commands.sshd.config import ServerConfigReader, authorized_keys_files
from jupyter_ssh.commands.sshd.matching import MatchAccount
from jupyter_ssh.ssh.errors import ConfigError

ALICE = MatchAccount("alice", frozenset({"alice", "staff"}))


def read(*lines: str, account: MatchAccount = ALICE) -> ServerConfigReader:
    reader = ServerConfigReader(account)
    for number, line in enumerate(lines, 1):
        reader.take_line(line, f"line {number}")
    return reader


def read_file(folder: Path, *lines: str) -> ServerConfigReader:
    (folder / "config").write_text("\n".join(lines), encoding="utf-8")
    reader = read()
    reader.read(folder / "config")
    return reader


def test_values() -> None:
    config = read(
        "# comment",
        "ListenAddress [::1]:2200",
        "ListenAddress=127.0.0.1",
        "Port 2200",
        "HostKey '/a b/key'",
        "HostKey /c",
        "AuthorizedKeysFile %h/.ssh/keys ~/more /%u /%U",
        "LoginGraceTime 1m",
        "LoginGraceTime 2m",
        "MaxStartups 5:50:20",
        "AcceptEnv A B*",
        "AcceptEnv C",
        "SetEnv X=1 'Y=2 3'",
        "Subsystem sftp /usr/lib/sftp-server -e",
        "Subsystem other program",
        """Subsystem quoted "/opt/my server/program" -d '/a b' \\"c 'it is "so"' """,
        "AuthenticationMethods publickey,password password",
        "PermitOpen localhost:80 [::1]:443",
        "ForceCommand echo 'a  b' # c",
        "AllowTcpForwarding local",
        "RekeyLimit 1G 1h",
        "Banner none",
        "PasswordAuthentication yes",
        "LogLevel debug",
        "PrintMotd yes",
        "UsePAM no",
        "UsePAM yes",
        "permitrootlogin Without-Password",
        "Compression delayed",
        "AllowUsers alice bob@192.0.2.0/24",
        "AllowUsers carol",
        "DenyGroups guests",
        "TCPKeepAlive no",
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
    assert config.ignored == [
        "line 25: PrintMotd has no effect here: a shell prints what its own files say",
    ]
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
        "subsystems": {
            "sftp": "/usr/lib/sftp-server -e",
            "other": "program",
            "quoted": '"/opt/my server/program" -d "/a b" \\"c "it is \\"so\\""',
        },
        "authentication_methods": [["publickey", "password"], ["password"]],
        "permit_open": ("localhost:80", "[::1]:443"),
        "force_command": "echo 'a  b' # c",
        "allow_tcp_forwarding": True,
        "rekey_limit": 1 << 30,
        "rekey_seconds": 3600,
        "banner": "",
        "trusted_user_ca_keys": "/ca",
        "host_certificates": ("/a-cert.pub", "/b-cert.pub"),
        "revoked_keys": None,
        "permit_user_environment": ("LANG", "LC_*"),
        "pubkey_auth_options": ("verify-required",),
        "pubkey_accepted_algorithms": "+ssh-rsa",
        "ca_signature_algorithms": "ssh-ed25519",
        "permit_root_login": "prohibit-password",
        "compression": True,
        "allow_users": ("alice", "bob@192.0.2.0/24", "carol"),
        "deny_groups": ("guests",),
        "tcp_keep_alive": False,
    }
    files = authorized_keys_files(config.config.authorized_keys or [], "bob", Path("/home/bob"))
    assert files == [Path("/home/bob/.ssh/keys"), Path("/home/bob/more"), Path("/bob"), Path(f"/{os.getuid()}")]


def test_a_banner_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"Banner {tmp_path}/banner\r\nPort 7 # c\r\n", encoding="utf-8")
    reader = read("Port 6")
    reader.read(tmp_path / "config")
    assert reader.config.options["banner"] == tmp_path / "banner", "it may be written later"
    assert reader.config.ports == [6, 7]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AllowUser alice", "Bad configuration option: AllowUser.*Did you mean AllowUsers"),
        ("PermitRootLogin perhaps", "unsupported option"),
        ("UsePAM yes", "UsePAM yes is not supported.*-o UsePAM=no"),
        ("ChrootDirectory /srv", "ChrootDirectory /srv is not supported"),
        ("AuthorizedKeysCommand /bin/keys %u", "AuthorizedKeysCommand /bin/keys %u is not supported"),
        ("ChallengeResponseAuthentication yes", "ChallengeResponseAuthentication yes is not supported"),
        ("PerSourcePenalties authfail:5s", "is not supported"),
        ("LoginGraceTime none", "invalid time value"),
        ("ClientAliveInterval none", "invalid time value"),
        ("MaxStartups 0", "invalid MaxStartups"),
        ("Port", "no argument"),
        ("Port 0", "Bad port"),
        ("Port 1 2", "extra arguments"),
        ("PermitTTY perhaps", "yes or no"),
        ("MaxStartups 9:8", "MaxStartups"),
        ("MaxStartups 9:8:7", "MaxStartups"),
        ("Subsystem sftp", "a name and a command"),
        ("ListenAddress host:x", "Bad port"),
        ("ForceCommand", "no argument"),
        ("SetEnv 'x", "invalid quotes"),
        ("PubkeyAuthOptions no-touch", "unsupported PubkeyAuthOptions"),
        ("PubkeyAuthOptions touch-required,verify-required", "unsupported PubkeyAuthOptions: touch-required,verify"),
        ("AuthenticationMethods any publickey", '"any" must appear alone'),
        ("AuthenticationMethods publickey any", '"any" must appear alone'),
        ("AuthenticationMethods any any", '"any" must appear alone'),
        ("PermitOpen any host:22", '"any" must appear alone'),
        ("PermitOpen none host:1", '"none" must appear alone'),
        ("PermitOpen host:1 none", '"none" must appear alone'),
        ("PermitOpen host", "HOST:PORT is expected, not 'host'"),
        ("PermitOpen host:1 ::1:22", "HOST:PORT is expected, not '::1:22'"),
        ("PermitOpen [::1]", "HOST:PORT is expected"),
        ("PermitOpen host/22", "HOST:PORT is expected"),
        ("PermitOpen :22", "HOST:PORT is expected"),
        ("PermitOpen ANY", "HOST:PORT is expected"),
        ("PermitOpen host:1 ''", "HOST:PORT is expected"),
        ("PermitOpen host:0", "Bad port '0'"),
        ("PermitOpen host:65536", "Bad port"),
    ],
)
def test_errors(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: .*{words}"):
        read(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Match Address 192.0.2.0/24", "Match address is not supported"),
        ("Match user alice host *", "Match host is not supported"),
        ("Match all user alice", "cannot be combined"),
        ("Match nonsense x", "Unsupported Match attribute"),
        ("Match user", "requires an argument"),
    ],
)
def test_errors_of_blocks(line: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"config line 1: .*{words}"):
        read_file(tmp_path, line)


@pytest.mark.parametrize(("line", "word"), [("Match User bob", "Match"), ("include /no/such/file", "include")])
def test_what_decides_which_lines_are_read_stands_in_files_only(line: str, word: str) -> None:
    with pytest.raises(ConfigError, match=f"line 1: {word} directive not supported as a command-line option") as caught:
        read(line)
    assert "-f" in str(caught.value.next_step)


def test_a_block_for_the_account_precedes_all_else(tmp_path: Path) -> None:
    reader = read_file(
        tmp_path,
        "ForceCommand outside",
        "Subsystem sftp one",
        "Subsystem other two",
        "Match User bob,carol",
        "ForceCommand bob's",
        "ChrootDirectory /bob",
        "Match Group wheel,staff user=al*",
        "ForceCommand 'first block'",
        "Subsystem sftp three",
        "MaxSessions 1",
        "match all",
        "ForceCommand second block",
        "MaxAuthTries 2",
        "Match Group *,!staff",
        "PermitTTY no",
        "Match invalid-user",
        "PermitTTY no",
        "Match user bob address 192.0.2.0/24",
        "PermitTTY no",
    )
    assert reader.config.options == {
        "force_command": "'first block'",
        "subsystems": {"sftp": "three", "other": "two"},
        "max_sessions": 1,
        "max_auth_tries": 2,
    }


def test_a_subsystem_that_is_defined_already_is_passed_over_and_noted(tmp_path: Path) -> None:
    lines = ("Subsystem sftp second", "Match User alice", "Subsystem sftp in-block", "Subsystem 'sftp' again")
    (tmp_path / "config").write_text("\n".join(lines), encoding="utf-8")
    reader = read("Subsystem sftp first", "Subsystem other one")
    assert reader.config.options == {"subsystems": {"sftp": "first", "other": "one"}}
    reader.read(tmp_path / "config")
    assert reader.config.options == {"subsystems": {"sftp": "in-block", "other": "one"}}
    assert reader.ignored == [
        f"{tmp_path}/config line 1: Subsystem 'sftp' already defined",
        f"{tmp_path}/config line 4: Subsystem 'sftp' already defined",
    ]


@pytest.mark.parametrize("line", ["Port 22", "UsePAM no", "PidFile none", "KeepAlive yes"])
def test_what_stands_outside_of_blocks_only(line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 2: Directive '.*' is not allowed within a Match block"):
        read_file(tmp_path, "Match User bob", line)


def test_a_refused_keyword_in_a_block_for_the_account(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 3: RefuseConnection yes is not supported"):
        read_file(tmp_path, "RefuseConnection no", "Match User alice", "RefuseConnection yes")


def test_included_files(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "1.conf").write_text("PermitTTY no\nMatch User bob\nMaxSessions 1\n", encoding="utf-8")
    (folder / "2.conf").write_text("PermitTTY yes\nMaxSessions 3\n", encoding="utf-8")
    main = tmp_path / "config"
    main.write_text(f"Include {folder}/*.conf /no/such/file\nMaxSessions 4\nPort 7\n", encoding="utf-8")
    reader = read()
    reader.read(main)
    assert reader.config.options == {"permit_tty": False, "max_sessions": 3}
    assert reader.config.ports == [7], "the block has ended with the included file"
    (folder / "2.conf").write_text("UsePAM yes\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"2\.conf line 1: UsePAM yes"):
        read().read(main)


def included_in_a_block(folder: Path, criterion: str, *lines: str) -> ServerConfigReader:
    (folder / "included").write_text("\n".join(lines), encoding="utf-8")
    (folder / "config").write_text(
        f"PermitRootLogin no\nMatch {criterion}\nInclude {folder}/included\nMaxSessions 1\n", encoding="utf-8"
    )
    reader = read()
    reader.read(folder / "config")
    return reader


def test_a_block_in_a_file_applies_only_if_that_around_it_does(tmp_path: Path) -> None:
    lines = ("PermitTTY no", "Match all", "PermitRootLogin yes", "Match User bob", "PermitRootLogin prohibit-password")
    assert included_in_a_block(tmp_path, "User bob", *lines).config.options == {"permit_root_login": "no"}
    assert included_in_a_block(tmp_path, "User alice", *lines).config.options == {
        "permit_root_login": "yes",
        "permit_tty": False,
        "max_sessions": 1,
    }


def test_a_block_about_clients_is_no_matter_in_a_file_that_does_not_apply(tmp_path: Path) -> None:
    lines = ("Match Address 192.0.2.0/24", "PermitRootLogin yes")
    assert included_in_a_block(tmp_path, "User bob", *lines).config.options == {"permit_root_login": "no"}
    with pytest.raises(ConfigError, match="included line 1: Match address is not supported"):
        included_in_a_block(tmp_path, "User alice", *lines)
    with pytest.raises(ConfigError, match="included line 1: Unsupported Match attribute"):
        included_in_a_block(tmp_path, "User bob", "Match nonsense")


def test_the_state_of_blocks_is_passed_down_through_all_files(tmp_path: Path) -> None:
    (tmp_path / "deepest").write_text("Match all\nPermitRootLogin yes\n", encoding="utf-8")
    reader = included_in_a_block(tmp_path, "User bob", "Match all", f"Include {tmp_path}/deepest")
    assert reader.config.options == {"permit_root_login": "no"}


def test_files_that_include_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(f"Include {tmp_path}/a\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="Too many recursive"):
        read().read(tmp_path / "a")
    (tmp_path / "b").write_text(f"Include {tmp_path}/[bc]\n" * 4, encoding="utf-8")
    (tmp_path / "c").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"recursive|files are included"):
        read().read(tmp_path / "b")


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("any", None),
        ("none", ()),
        ("*:* [::1]:* host:22", ("*:*", "[::1]:*", "host:22")),
        ("host:ssh host:0080", ("host:22", "host:80")),
    ],
)
def test_places_that_may_be_opened(value: str, places: tuple[str, ...] | None) -> None:
    assert read(f"PermitOpen {value}").config.options == {"permit_open": places}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("none", ()),
        ("touch-required", ("touch-required",)),
        ("Touch-Required verify-required", ("touch-required", "verify-required")),
        ("none verify-required", ("verify-required",)),
    ],
)
def test_what_keys_have_to_do(value: str, words: tuple[str, ...]) -> None:
    assert read(f"PubkeyAuthOptions {value}").config.options == {"pubkey_auth_options": words}


def test_any_method_of_authentication() -> None:
    assert read("AuthenticationMethods any").config.options == {"authentication_methods": None}


def test_disable_forwarding_and_the_family() -> None:
    config = read("DisableForwarding yes", "AllowTcpForwarding yes", "AddressFamily inet6").config
    assert not config.forwarding
    assert config.options["address_family"] == "inet6"
