"""Connections that remember host keys while ``jupyter-ssh keygen`` edits the same known_hosts file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from jupyter_ssh.ssh.keys import generate
from tests.peers.client_support import reach
from tests.support.processes import wait_until

HOSTS = 8
LINES = 1500
EDITOR = """
import itertools, sys
from pathlib import Path
from jupyter_ssh.commands.keys import keygen
for number in itertools.count():
    if Path(sys.argv[1], "enough").exists():
        break
    with open(Path(sys.argv[1], "removals"), "a") as file:
        file.write("x")
    keygen.main(["-q", "-f", str(Path(sys.argv[1], "known_hosts")), "-R", f"gone{number}"])
"""


async def test_a_host_that_is_remembered_beside_removals_stays(openssh_server: Any, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    line = generate().public.line()
    known_hosts.write_text("".join(f"gone{number} {line}\n" for number in range(LINES)))
    editor = subprocess.Popen([sys.executable, "-c", EDITOR, str(tmp_path)])
    try:
        wait_until((tmp_path / "removals").exists, "the first removal")
        for number in range(HOSTS):
            async with reach(
                openssh_server,
                known_hosts=known_hosts,
                strict_host_key_checking="accept-new",
                host_key_alias=f"new{number}",
            ) as connection:
                assert "Permanently added" in " ".join(connection.messages)
    finally:
        (tmp_path / "enough").touch()
        assert editor.wait(60) == 0
    removed = (tmp_path / "removals").stat().st_size
    assert 0 < removed < LINES
    hosts = [line.split()[0] for line in known_hosts.read_text().splitlines()]
    assert sorted(host for host in hosts if host.startswith("new")) == sorted(f"new{n}" for n in range(HOSTS))
    assert hosts[0] == f"gone{removed}"
