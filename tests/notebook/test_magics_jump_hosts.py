"""Jump hosts in a cell."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import write_config


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
    assert "@box" in kernel.value("__import__('jupyter_ssh').kernel.sessions.get_sessions().current().info.via")
