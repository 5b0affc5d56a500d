"""What the server's log says of refused logins: quotes are around what the client sent, and around nothing else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.errors import AuthenticationError
from jupyter_ssh.ssh.server.logins import authentication
from tests.support.embedded import embedded_in_loop


async def refusals(folder: Path, caplog: pytest.LogCaptureFixture, login: dict[str, Any], **options: Any) -> list[str]:
    """The lines about a login that fails."""
    with caplog.at_level(logging.INFO, authentication.__name__):
        async with embedded_in_loop(folder / "server", **options) as server:
            given = {"port": server.port, "config": "none", "known_hosts": server.known_hosts}
            key = {"identity_file": server.client_key} if "password" not in login else {"identity_file": "none"}
            with pytest.raises(AuthenticationError):
                await connect(f"me@{server.host}", **given, **key, **login)
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("refused")]


async def test_the_reason_follows_without_quotes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = await refusals(tmp_path, caplog, {"batch_mode": True}, users=["me"], deny_users=["me@127.0.0.1"])
    assert "refused 'publickey' for 'me' from 127.0.0.1: the user is listed in DenyUsers" in lines


async def test_without_a_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = await refusals(tmp_path, caplog, {"password": "wrong"}, passwords=lambda user, password: False)
    assert "refused 'password' for 'me' from 127.0.0.1" in lines


async def test_what_a_reason_quotes_of_the_client_stays_on_the_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*_: object) -> str:  # no such reason is known: in case one is overlooked
        return "one\ntwo \x1b[2J"

    monkeypatch.setattr(authentication.KeyLogins, "judge", judge)
    lines = await refusals(tmp_path, caplog, {"batch_mode": True}, users=["me"])
    assert "refused 'publickey' for 'me' from 127.0.0.1: one\\ntwo \\x1b[2J" in lines
