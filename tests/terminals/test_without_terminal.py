"""Sessions on a server that grants no terminal (sshd_config, PermitTTY no)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_ssh.ssh.errors import ChannelRequestDenied
from tests.notebook.remotes import Remote, embedded_server
from tests.support.pages import Page, Terminals, opened


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("strict"), permit_tty=False) as remote:
        yield remote


async def test_a_login_shell_goes_on_without_one(service: Terminals, strict: Remote) -> None:
    session = await opened(service, strict)
    page = Page(service)
    page.attach(session)
    await page.shown(b"PTY allocation request failed: the server grants no terminal. ")
    assert session.description()["text"].endswith(", without a terminal")
    page.type("echo out put\x7f\x7f\x7f\x7f; echo err >&2; tty\r")
    await page.shown(b"echo out put\b \b\b \b\b \b\b \b; echo err >&2; tty\r\n")
    for line in (b"out\r\n", b"err\r\n", b"not a tty\r\n"):
        await page.shown(line)
    page.send("terminals.size", stream=1, rows=30, cols=100)
    page.type("sleep 1000\r")
    page.type("\x03")
    await page.shown(b"^C\r\n")
    described = await page.state(session, "ended")  # as a shell that reads commands from a pipe ends by SIGINT
    assert "by signal INT" in described["text"]
    page.send("terminals.reconnect", session=session.id)
    await page.state(session, "open")
    page.type("echo ag''ain\r")
    await page.shown(b"again\r\n")
    page.type("\x04")
    described = await page.state(session, "ended")
    assert described["exit_status"] == 0


async def test_a_command_needs_one(service: Terminals, strict: Remote) -> None:
    with pytest.raises(ChannelRequestDenied, match="refused a terminal"):
        await opened(service, strict, "top")
    (session,) = service.sessions.values()
    assert session.state == "lost"
