"""Who children run as, with which environment; passwords; names of signals."""

from __future__ import annotations

import os
import pwd
import signal

import pytest

from jupyter_ssh.ssh.server.logins.accounts import Account, current_account
from jupyter_ssh.ssh.server.logins.passwords import PasswordTable, hash_password, verify_password
from jupyter_ssh.ssh.server.processes import environment as environment_module
from jupyter_ssh.ssh.server.processes.environment import ClientEnvironment, child_environment
from jupyter_ssh.ssh.server.processes.signals import NUMBERS, signal_name

ALICE = Account("alice", "/home/alice", "/bin/zsh")


def test_the_account_is_the_process_s_own() -> None:
    account = current_account()
    entry = pwd.getpwuid(os.getuid())
    assert (account.name, account.home) == (entry.pw_name, entry.pw_dir)
    assert os.path.isabs(account.shell)


def test_a_user_nobody_has_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setenv("USER", "jovyan")
    monkeypatch.setenv("HOME", "/home/jovyan")
    root = 0 in (os.getuid(), os.geteuid())
    assert current_account() == Account("jovyan", "/home/jovyan", "/bin/sh", root)
    monkeypatch.delenv("USER")
    monkeypatch.delenv("LOGNAME", raising=False)
    assert current_account().name == str(os.getuid())


def test_environment_is_built_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/conda/lib")
    monkeypatch.delenv("TZ", raising=False)
    assert child_environment(ALICE) == {
        "PATH": environment_module.DEFAULT_PATH,
        "HOME": "/home/alice",
        "USER": "alice",
        "LOGNAME": "alice",
        "SHELL": "/bin/zsh",
    }
    monkeypatch.setenv("TZ", "Europe/Zurich")
    full = child_environment(
        ALICE,
        requested={"LANG": "de_CH.UTF-8", "HOME": "/evil"},
        extra={"PATH": "/opt/bin:/bin", "COLOUR": "yes"},
        client=("192.0.2.7", 50000),
        server=("198.51.100.1", 2222),
        tty="/dev/pts/7",
        term="xterm",
        original_command="rm -r /",
    )
    assert full == {
        "TZ": "Europe/Zurich",
        "PATH": "/opt/bin:/bin",
        "COLOUR": "yes",
        "LANG": "de_CH.UTF-8",
        "HOME": "/home/alice",
        "USER": "alice",
        "LOGNAME": "alice",
        "SHELL": "/bin/zsh",
        "SSH_CLIENT": "192.0.2.7 50000 2222",
        "SSH_CONNECTION": "192.0.2.7 50000 198.51.100.1 2222",
        "SSH_TTY": "/dev/pts/7",
        "TERM": "xterm",
        "SSH_ORIGINAL_COMMAND": "rm -r /",
    }


def test_clients_set_only_what_is_on_the_list() -> None:
    variables = ClientEnvironment()
    assert variables.set("LANG", "C.UTF-8")
    assert variables.set("LC_ALL", "")
    for name in ("LD_PRELOAD", "PATH", "LANGUAGE", "lc_all", "LC_A=B", "LC_A B", "LC_Ü", "", "LC_\n"):
        assert not variables.set(name, "x"), name
    assert not variables.set("LC_X", "a\0b")
    assert variables.variables == {"LANG": "C.UTF-8", "LC_ALL": ""}
    assert ClientEnvironment(["*"]).set("ANYTHING", "x")
    assert not ClientEnvironment([]).set("LANG", "x")


def test_clients_cannot_fill_the_memory() -> None:
    variables = ClientEnvironment()
    assert not variables.set("LC_BIG", "x" * 20000)
    accepted = sum(variables.set(f"LC_{number}", "x" * 1000) for number in range(100))
    assert accepted == environment_module.MAX_ENVIRONMENT // 1007
    variables = ClientEnvironment()
    assert sum(variables.set(f"LC_{number}", "") for number in range(1000)) == environment_module.MAX_VARIABLES


def test_passwords_are_kept_as_hashes_only() -> None:
    table = PasswordTable.from_passwords({"alice": "correct horse"})
    assert table("alice", "correct horse")
    assert not table("alice", "correct horse ")
    assert not table("bob", "correct horse")
    assert not table("bob", "")
    assert "horse" not in repr(table)
    assert "horse" not in repr(vars(table))


def test_an_unknown_user_costs_a_hash_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_ssh.ssh.server.logins import passwords

    table = PasswordTable.from_passwords({"alice": "x"})
    hashed: list[str] = []
    real = passwords.verify_password

    def count(stored: str, password: str) -> bool:
        hashed.append(stored)
        return real(stored, password)

    monkeypatch.setattr(passwords, "verify_password", count)
    table("alice", "wrong")
    table("nobody", "wrong")
    known, unknown = hashed
    # Same algorithm, same costs: only the salt and the hash differ.
    assert known.split("$")[:4] == unknown.split("$")[:4]


def test_hashes_differ_each_time_and_bad_ones_let_nobody_in() -> None:
    first, second = hash_password("x"), hash_password("x")
    assert first != second
    assert first.startswith("$argon2id$")
    assert verify_password(first, "x")
    assert verify_password(second, "x")
    for stored in ("", "x", "$argon2id$", "$6$abc$def", "ü", first[:-2]):
        assert not verify_password(stored, "x")
    assert not verify_password(first, "x" * 5000)


def test_signals_have_the_names_of_rfc_4254() -> None:
    assert NUMBERS["INT"] == signal.SIGINT
    assert signal_name(signal.SIGKILL) == "KILL"
    assert signal_name(signal.SIGSEGV) == "SEGV"
    assert signal_name(signal.SIGXCPU) == "XCPU@jupyter-ssh"
    assert signal_name(40) == "RT40@jupyter-ssh"
    assert "STOP" not in NUMBERS
