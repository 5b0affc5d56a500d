"""Who may log in at all: AllowUsers, DenyUsers, groups, and PermitRootLogin."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Any

import pytest

from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.keys.generate import generate
from jupyter_ssh.ssh.server.listening import Server
from jupyter_ssh.ssh.server.logins.accounts import Account, current_account, group_names
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.logins.user_rules import NO_SUCH_USER, UserRules
from jupyter_ssh.ssh.server.options import ServerOptions

ALICE = Account("alice", "/home/alice", "/bin/sh")
ROOT = Account("toor", "/root", "/bin/sh", root=True)
HERE, THERE = "192.0.2.7", "2001:db8::7"
FORCED = KeyOptions(command="backup")


def rules(account: Account = ALICE, **options: Any) -> UserRules:
    return UserRules(ServerOptions(authorized_keys="keys", passwords=lambda user, password: False, **options), account)


def test_without_rules_the_account_s_own_name_may_come() -> None:
    assert rules().refusal("alice", HERE) is None
    assert rules().refusal("Alice", HERE) == NO_SUCH_USER
    assert rules(users=["guest"]).refusal("alice", HERE) == NO_SUCH_USER


@pytest.mark.parametrize(
    ("options", "address", "admitted"),
    [
        ({"allow_users": ["alice"]}, HERE, True),
        ({"allow_users": ["bob", "al*"]}, HERE, True),
        ({"allow_users": ["alice@192.0.2.*"]}, HERE, True),
        ({"allow_users": ["alice@192.0.2.*"]}, THERE, False),
        ({"allow_users": ["*@2001:db8::/32"]}, THERE, True),
        ({"deny_users": ["alice@2001:DB8::*"]}, THERE, False),
        ({"deny_users": ["alice@2001:db8:0:0::7"]}, THERE, False),
        ({"deny_users": ["alice@::ffff:192.0.2.7"]}, HERE, False),
        ({"deny_users": ["alice@192.0.?.7"]}, HERE, False),
        ({"deny_users": ["alice@*"]}, HERE, False),
        ({"allow_users": ["alice@!192.0.2.7,*"]}, HERE, False),
        ({"deny_users": ["alice@192.0.2.0/24"]}, HERE, False),
        ({"deny_users": ["alice@192.0.2.0/24"]}, THERE, True),
        ({"deny_users": ["bob"], "allow_users": ["alice"]}, HERE, True),
        ({"deny_users": ["*@192.0.2.7"], "allow_users": ["alice"]}, HERE, False),
    ],
)
def test_users(options: dict[str, Any], address: str, admitted: bool) -> None:
    assert (rules(**options).refusal("alice", address) is None) is admitted


def test_groups() -> None:
    account = current_account()
    own = grp.getgrgid(pwd.getpwuid(os.getuid()).pw_gid).gr_name
    assert own in group_names(account)
    assert rules(account, allow_groups=["nobody-is-in-it", own[:-1] + "?"]).refusal(account.name, HERE) is None
    with pytest.raises(ConfigError, match="nobody could log in"):
        rules(account, allow_groups=["nobody-is-in-it"])
    with pytest.raises(ConfigError, match="nobody could log in"):
        rules(account, deny_groups=["*"], allow_groups=[own])


@pytest.mark.parametrize(
    ("permitted", "method", "key", "admitted"),
    [
        ("yes", "password", None, True),
        ("yes", "publickey", KeyOptions(), True),
        ("prohibit-password", "publickey", KeyOptions(), True),
        ("prohibit-password", "password", None, False),
        ("prohibit-password", "keyboard-interactive", FORCED, False),
        ("forced-commands-only", "publickey", KeyOptions(), False),
        ("forced-commands-only", "publickey", FORCED, True),
        ("forced-commands-only", "password", None, False),
        ("forced-commands-only", "password", FORCED, True),
    ],
)
def test_root(permitted: str, method: str, key: KeyOptions | None, admitted: bool) -> None:
    as_root = rules(ROOT, permit_root_login=permitted)
    assert (as_root.refusal_as_root(method, key) is None) is admitted
    assert rules(ALICE, permit_root_login=permitted).refusal_as_root(method, key) is None


def test_nobody_else_is_root_by_another_name() -> None:
    assert rules(ALICE, permit_root_login="no", users=["root"]).refusal_as_root("password", None) is None
    with pytest.raises(ConfigError) as caught:
        rules(ROOT, permit_root_login="no", users=["guest"])
    assert caught.value.received == "it runs as root, and PermitRootLogin is no"


@pytest.mark.parametrize(
    "options",
    [
        {"permit_root_login": "no"},
        {"permit_root_login": "prohibit-password", "authorized_keys": None},
        {"allow_users": ["bob"]},
        {"allow_users": ["bob@192.0.2.7"]},
        {"deny_users": ["t*"]},
    ],
)
def test_a_server_that_would_let_nobody_in_does_not_start(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = ServerOptions(**{"authorized_keys": "keys", "passwords": lambda user, password: False, **options})
    with pytest.raises(ConfigError, match="nobody could log in"):
        UserRules(chosen, ROOT)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    own = {name: value for name, value in options.items() if name == "permit_root_login"}
    if own:
        with pytest.raises(ConfigError, match="nobody could log in"):
            Server(chosen, [generate()])


@pytest.mark.parametrize("none", [None, [], ()])
def test_no_file_of_keys_is_no_way_in(none: Any) -> None:
    with pytest.raises(ConfigError, match="nobody could log in"):
        ServerOptions(authorized_keys=none)
    assert ServerOptions(authorized_keys=none, trusted_user_ca_keys="ca.pub").methods == ("publickey",)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"allow_users": ["alice@10.0.0.1/8"]}, "invalid pattern"),
        ({"deny_users": ["alice@"]}, "invalid pattern"),
        ({"deny_users": ["alice@client.example"]}, "names of clients are not looked up"),
        ({"deny_users": ["alice@192.0.2.7,!*.example"]}, "names of clients are not looked up"),
        ({"deny_users": ["alice@cafe.de"]}, "names of clients are not looked up"),
        ({"allow_users": ["alice@client.example"]}, "names of clients are not looked up"),
        ({"permit_root_login": "maybe"}, "permit_root_login"),
        ({"address_family": "inet5"}, "address_family"),
    ],
)
def test_a_rule_that_is_not_understood_is_an_error(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rules(**options)
