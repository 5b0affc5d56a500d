"""A ~/.ssh as people have it after some years: many hosts, jump hosts, Match exec, Include, tokens; as it stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from jupyter_ssh.ssh.client.connecting import resolve_options
from jupyter_ssh.ssh.config import ConfigFile
from tests.peers.config.openssh import LEFT_OUT, OTHER_DEFAULTS, newer, options_of
from tests.support.peers import require_tool

CONFIG = """\
# -*- mode: ssh-config -*-
IgnoreUnknown UseKeychain,AddKeysToAgent*
Include config.d/*.conf
Include ~/.ssh/config.d/private

Host *.lab *.lab.example.org
    UseKeychain yes
    User labuser
    ForwardAgent yes

# Behind the bastion only where we are not inside
Match originalhost "*.internal,db?" !exec "test -e %d/.ssh/inside"
    ProxyJump bastion
Match host *.internal exec "test %p = 22 && test '%r' != root"
    ControlMaster auto
    ControlPath ~/.ssh/cm/%C
    ControlPersist 10m

Host github.com gitlab.*
    User git
    IdentityFile ~/.ssh/id_git
    IdentitiesOnly yes
    PreferredAuthentications publickey

Host old-switch 192.168.0.*
    KexAlgorithms +diffie-hellman-group14-sha1
    HostKeyAlgorithms +ssh-rsa
    Ciphers aes128-cbc,3des-cbc
    MACs hmac-sha1

Host tunnel
    HostName gw.example.org
    LocalForward 5432 db1.internal:5432
    LocalForward 127.0.0.1:8080 [::1]:80
    RemoteForward 9000 localhost:9000
    DynamicForward 1080
    ExitOnForwardFailure yes
    SessionType none

Host "with space" quoted
    HostName quoted.example.org
    SetEnv LC_PROJECT="my project"  LC_X=1

Match final host *.example.org
    IdentityFile ~/.ssh/id_org
    CertificateFile ~/.ssh/id_org-cert.pub

Host *
    AddKeysToAgent yes
    HashKnownHosts yes
    ServerAliveInterval 30
    ServerAliveCountMax 4
    SendEnv LANG LC_*
    UserKnownHostsFile ~/.ssh/known_hosts ~/.ssh/known_hosts.d/%k
    StrictHostKeyChecking accept-new
"""
FILES = {
    "config.d/10-work.conf": (
        "Host bastion\n  HostName bastion.example.org\n  User jump\n  Port 2222\n  IdentityFile ~/.ssh/id_work\n"
        "Host db1 db2\n  HostName %h.internal\n  User postgres\n  RemoteCommand psql -h %h\n  RequestTTY yes\n"
        "Host web-*\n  HostName %h.example.org\n  ProxyJump alice@bastion:2222,mid.example.org\n"
    ),
    "config.d/20-cloud.conf": "Match host i-*,mi-*\n  ProxyCommand aws ssm start-session --target %h --port %p\n",
    "config.d/readme.txt": "this is no configuration\n",
    "config.d/private": "Host home\n\tHostName 192.0.2.80\n\tPort=2200\n\tInclude config.d/deeper/*\n",
    "config.d/deeper/one": "User me\n\nHost other\n  User nobody\n",
}
HOSTS = [
    "bastion",
    "db1",
    "db2.internal",
    "web-3",
    "i-0123",
    "home",
    "box.lab",
    "github.com",
    "gitlab.example.org",
    "old-switch",
    "192.168.0.9",
    "tunnel",
    "quoted",
    "anything.example.org",
    "x.internal",
    "other",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / ".ssh"
    for name, text in {"config": CONFIG, **FILES}.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("inside", [False, True])
def test_each_host_is_what_openssh_makes_of_it(home: Path, inside: bool) -> None:
    ssh = require_tool("ssh", "openssh-client")
    if inside:
        (home / ".ssh" / "inside").touch()
    # OpenSSH takes the account's home for Include, ~ and %d, whatever $HOME says: in copies that home is written out.
    copy = home / "copy"
    for name, text in {"config": CONFIG, **FILES}.items():
        path = copy / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = text.replace("Include config.d", f"Include {copy}/config.d").replace("Include ~/.ssh", f"Include {copy}")
        path.write_text(text.replace("%d", str(home)))
        path.chmod(0o600)
    left_out = {*OTHER_DEFAULTS, *LEFT_OUT, "userknownhostsfile", "controlpath"} - {"identityfile"}
    for host in HOSTS:
        command = [ssh, "-F", str(copy / "config"), "-G", host]
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True
        )
        options = resolve_options(host, [ConfigFile(home / ".ssh" / "config", checked=True)], (), {})
        theirs, ours = newer(options_of(answer.stdout.splitlines())), options_of(options.lines())
        unequal_defaults = set() if options.given("identity_file") else {"identityfile"}
        for name in left_out | unequal_defaults:
            theirs.pop(name, None)
            ours.pop(name, None)
        assert ours == theirs, host


def test_what_the_hosts_come_to(home: Path) -> None:
    db = resolve_options("db1", None, (), {})
    assert (db.host_name, db.user, db.remote_command) == ("db1.internal", "postgres", "psql -h db1.internal")
    assert [str(hop) for hop in db.proxy_jump] == ["bastion"]
    assert db.control_path is not None
    assert db.control_path.startswith(f"{home}/.ssh/cm/")
    assert [str(hop) for hop in resolve_options("web-3", None, (), {}).proxy_jump] == [
        "alice@bastion:2222",
        "mid.example.org",
    ]
    assert resolve_options("i-0123", None, (), {}).proxy_command == ("aws ssm start-session --target i-0123 --port 22")
    home_host = resolve_options("home", None, (), {})
    assert (home_host.user, home_host.port) == ("me", 2200)
    assert resolve_options("box.lab", None, (), {}).user_known_hosts_file[1] == f"{home}/.ssh/known_hosts.d/box.lab"
    assert dict(resolve_options("quoted", None, (), {}).set_env) == {"LC_PROJECT": "my project", "LC_X": "1"}
    (home / ".ssh" / "inside").touch()
    assert resolve_options("db1", None, (), {}).proxy_jump == ()
