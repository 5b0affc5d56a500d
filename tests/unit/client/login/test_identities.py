"""Which keys are tried."""

from __future__ import annotations

from pathlib import Path

from jupyter_ssh.ssh.client.login.identities import MAX_IDENTITIES, collect
from jupyter_ssh.ssh.config import resolve
from jupyter_ssh.ssh.keys.base import PrivateKey
from jupyter_ssh.ssh.keys.files.reading import KeyFile


async def no_passphrase(file: KeyFile) -> PrivateKey | None:
    raise AssertionError(file)


async def test_as_many_files_are_read_as_openssh_reads(tmp_path: Path) -> None:
    names = [str(tmp_path / str(number)) for number in range(MAX_IDENTITIES + 1)]
    for keyword in ("identity_file", "certificate_file"):
        keywords = {"identity_file": "none", keyword: names}
        found = await collect(
            resolve("host", home=tmp_path, user_name="alice", keywords=keywords), [], None, no_passphrase
        )
        assert [identity.label for identity in found] == names[:MAX_IDENTITIES]
