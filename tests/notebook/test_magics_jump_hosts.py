"""Jump hosts in a cell."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import write_config
from tests.support.servers import PeerServer

REGISTRY = "__import__('jupyter_ssh').kernel.connections.registry.get_connections()"
# The pool is private: connections to jump hosts are shown nowhere else.
OPEN = f"sorted(each.info.host for each in {REGISTRY}._pool.connections())"


def far(sshd: PeerServer) -> str:
    """The block of a host that leads to the same server by another name."""
    return f"""
Host far
    HostName localhost
    HostKeyAlias [{sshd.host}]:{sshd.port}
    Port {sshd.port}
    User {sshd.user}
    IdentityFile {sshd.client_key}
    UserKnownHostsFile {sshd.known_hosts}
"""


def test_a_host_behind_another(kernel_with, sshd, tmp_path: Path) -> None:
    config = write_config(tmp_path, box=sshd)
    config.write_text(far(sshd) + config.read_text())
    kernel = kernel_with(config)
    assert kernel.run("%ssh -J box far echo behind").stdout.endswith("behind\n")
    before = sshd.log().count("Accepted publickey for ")
    # Another connection on the same way: one login more, not two.
    assert kernel.run("%ssh -J box -o ServerAliveInterval=99 far echo shared").stdout.endswith("shared\n")
    assert sshd.log().count("Accepted publickey for ") == before + 1
    assert kernel.value(OPEN) == ["box", "far", "far"]
    assert "@box" in kernel.value(f"{REGISTRY}.current().info.via")
    kernel.run("%ssh_close")
    assert kernel.value(OPEN) == ["box", "far"]
    assert kernel.run("%ssh -J box far echo still there").stdout == "still there\n"
    kernel.run("%ssh_close --all")
    assert kernel.value(OPEN) == []


def test_a_person_and_a_jump_share_a_connection_and_each_can_leave_first(kernel_with, sshd, tmp_path: Path) -> None:
    config = write_config(tmp_path, box=sshd)
    config.write_text(far(sshd) + config.read_text())
    kernel = kernel_with(config)
    for first in ("box", "far"):
        before = sshd.log().count("Accepted publickey for ")
        kernel.run("%ssh box")
        assert kernel.run("%ssh -J box far echo shared").stdout.endswith("shared\n")
        assert sshd.log().count("Accepted publickey for ") == before + 2
        said = kernel.run(f"%ssh_close {first}").stdout
        if first == "box":
            assert "box" in said
            assert "stays open for a jump to " in said
            assert "open for a jump to " in kernel.run("%ssh_hosts").result["text/plain"]
            assert kernel.run("%ssh -J box far echo on").stdout == "on\n"
            assert kernel.value(OPEN) == ["box", "far"]
            kernel.run("%ssh_close")
        else:
            assert said.startswith("Closed ")
            assert kernel.run("%ssh box echo on").stdout == "on\n"
            assert kernel.value(OPEN) == ["box"]
            kernel.run("%ssh_close box")
        assert kernel.value(OPEN) == []


def test_a_chain_of_hops_in_a_line(kernel_with, sshd, embedded, tmp_path: Path) -> None:
    blocks = [
        f"""
Host {name}
    HostName {host}
    HostKeyAlias [{sshd.host}]:{sshd.port}
    Port {sshd.port}
    User {sshd.user}
    IdentityFile {sshd.client_key}
    UserKnownHostsFile {sshd.known_hosts}
"""
        for name, host in (("one", "localhost"), ("two", "127.0.0.1"))
    ]
    config = write_config(tmp_path, ours=embedded)
    config.write_text("".join(blocks) + config.read_text())
    kernel = kernel_with(config)
    before = sshd.log().count("Accepted publickey for ")
    assert kernel.run("%ssh -J one,two ours echo through two").stdout.endswith("through two\n")
    assert sshd.log().count("Accepted publickey for ") == before + 2
