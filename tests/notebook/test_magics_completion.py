"""Tab on the lines of the magics, asked for as a front-end asks."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("magic", ["%ssh", "%%ssh", "r = %ssh"])
def test_hosts_complete(kernel, magic):
    assert kernel.complete(f"{magic} ") == [f"{magic} box", f"{magic} ours"]
    assert kernel.complete(f"{magic} b") == [f"{magic} box"]
    assert kernel.complete(f"{magic} -v -p 22 alice@o") == [f"{magic} -v -p 22 alice@ours"]


def test_options_complete(kernel):
    offered = kernel.complete("%ssh --")
    assert {"%ssh --out", "%ssh --err", "%ssh --bg", "%ssh --proc", "%ssh --no-raise-error"} <= set(offered)
    assert "%ssh -p" in kernel.complete("%ssh -")
    assert kernel.complete("%%ssh --no") == ["%%ssh --no-raise-error"]
    assert kernel.complete("%ssh box --pr") == ["%ssh box --proc"]


def test_values_of_options_complete(kernel, tmp_path):
    (tmp_path / "id_test").touch()
    assert kernel.complete(f"%ssh -i {tmp_path}/id") == [f"%ssh -i {tmp_path}/id_test"]
    assert kernel.complete("%ssh -o StrictHostKeyCh") == ["%ssh -o StrictHostKeyChecking="]
    assert "%ssh -c aes128-gcm@openssh.com" in kernel.complete("%ssh -c aes")
    assert "%ssh -c aes128-ctr,aes256-ctr" in kernel.complete("%ssh -c aes128-ctr,aes256-c")


def test_open_connections_complete(kernel, sshd):
    name = f"{sshd.user}@box:{sshd.port}"
    assert kernel.complete("%ssh_close ") == ["%ssh_close --all"]
    kernel.run("%ssh box")
    assert kernel.complete("%ssh_close ") == [f"%ssh_close {name}", "%ssh_close --all"]
    assert kernel.complete("%ssh_close --") == ["%ssh_close --all"]


def test_the_magic_itself_completes(kernel):
    assert {"%ssh", "%ssh_hosts", "%ssh_close"} <= set(kernel.complete("%ssh"))
    assert "%%ssh" in kernel.complete("%%ssh")


def test_the_interpreter_of_a_cell_completes(kernel):
    assert kernel.complete("%%ssh box pyth") == ["%%ssh box python3"]


def test_other_lines_are_left_alone(kernel):
    kernel.run("boxes_of_mine = 1")
    assert kernel.complete("boxes_of_m") == ["boxes_of_mine"]
    assert "%%ssh box\nboxes_of_mine" in kernel.complete("%%ssh box\nboxes_of_m")
    assert kernel.complete("%ssh box echo $no_such_na") == []
