"""Jump hosts in a cell."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import write_config

JUMPS = "__import__('jupyter_ssh').kernel.sessions.get_sessions()._pool"


def test_a_host_behind_another(kernel_with, sshd, tmp_path: Path) -> None:
    config = write_config(tmp_path, box=sshd)
    far = f"""
Host far
    HostName localhost
    HostKeyAlias [{sshd.host}]:{sshd.port}
    Port {sshd.port}
    User {sshd.user}
    IdentityFile {sshd.client_key}
    UserKnownHostsFile {sshd.known_hosts}
"""
    config.write_text(far + config.read_text())
    kernel = kernel_with(config)
    assert kernel.run("%ssh -J box far echo behind").stdout.endswith("behind\n")
    before = sshd.log().count("Accepted publickey for ")
    # Another connection on the same way: one login more, not two.
    assert kernel.run("%ssh -J box -o ServerAliveInterval=99 far echo shared").stdout.endswith("shared\n")
    assert sshd.log().count("Accepted publickey for ") == before + 1
    assert kernel.value(f"len({JUMPS}.connections())") == 1
    assert "@box" in kernel.value("__import__('jupyter_ssh').kernel.sessions.get_sessions().current().info.via")
    kernel.run("%ssh_close")
    assert kernel.value(f"len({JUMPS}.connections())") == 1
    assert kernel.run("%ssh -J box far echo still there").stdout == "still there\n"
    kernel.run("%ssh_close --all")
    assert kernel.value(f"len({JUMPS}.connections())") == 0


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
