"""What is offered on a line of the magics, apart from IPython."""

from __future__ import annotations

import pytest

from jupyter_ssh.kernel.hosts import CONFIG_VARIABLE, known_names
from jupyter_ssh.magics.completion import complete


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    """An ssh_config with two hosts and a known_hosts with three."""
    known = tmp_path / "known_hosts"
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBR+T5GOVNI8kRyB3yqXqUGgKAkl2U8ju5DEwjbMImR9"
    known.write_text(f"gate {key}\n[inner]:2222 {key}\n[2001:db8::1]:2022 {key}\n*.example.org {key}\nbroken\n")
    config = tmp_path / "config"
    config.write_text(
        f"Host box db\n    Port 2200\nHost *\n    UserKnownHostsFile {known}\n    GlobalKnownHostsFile none\n"
    )
    monkeypatch.setenv(CONFIG_VARIABLE, str(config))
    return tmp_path


def texts(line: str, **options: bool) -> list[str]:
    return [text for text, _ in complete(line, **options)[1]]


def test_known_names_are_destinations():
    assert known_names() == ["box", "db", "gate", "ssh://inner:2222", "ssh://[2001:db8::1]:2022"]


def test_files_that_cannot_be_read_add_nothing(files, monkeypatch):
    (files / "config").write_text("Host box\nNoSuchKeyword yes\n")
    assert known_names() == ["box"]
    monkeypatch.setenv(CONFIG_VARIABLE, str(files / "nothing"))
    assert known_names() == []


@pytest.mark.parametrize("line", ["%ssh ", "%%ssh ", "  r = %ssh ", "x[0] = %ssh ", "%ssh -v ", "%ssh --out o "])
def test_a_host_is_offered_where_a_host_stands(line):
    assert texts(line) == known_names()


@pytest.mark.parametrize(
    "line", ["%ssh box ", "%ssh box ls ", "ssh ", "%sshx ", "print('%ssh", "%ssh -l ", "%ssh -p 2"]
)
def test_nothing_is_offered_elsewhere(line):
    assert texts(line) == []


def test_a_cell_magic_is_on_the_first_line_only():
    assert texts("%%ssh b") == ["box"]
    assert texts("%%ssh b", first_line=False) == []


def test_the_user_stays():
    assert complete("%ssh alice@b") == ("alice@b", [("alice@box", "host")])


def test_options_are_those_of_ssh_and_of_script():
    offered = texts("%ssh -")
    assert {"-p", "-i", "-o", "--out", "--bg"} <= set(offered)
    assert "-L" not in offered  # not supported yet
    assert texts("%ssh box ls -") == []


def test_values():
    assert texts("%ssh -o StrictHostKeyC") == ["StrictHostKeyChecking="]
    assert texts("%ssh -c aes128-gcm@openssh.com,chacha") == ["aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"]


def test_paths(files, monkeypatch):
    (files / "keys").mkdir()
    (files / "keys" / "id_a").touch()
    assert texts(f"%ssh -i {files}/ke") == [f"{files}/keys/"]
    assert texts(f"%ssh -vi {files}/keys/i") == [f"{files}/keys/id_a"]
    monkeypatch.setenv("HOME", str(files))
    assert texts("%ssh -F ~/ke") == ["~/keys/"]
