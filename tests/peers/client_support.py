"""Our client against the servers of others."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jupyter_ssh.ssh.client import HostKeyQuestion
from jupyter_ssh.ssh.client.connecting import connect
from jupyter_ssh.ssh.client.connection import Connection
from jupyter_ssh.ssh.client.prompts import yes_or_no
from jupyter_ssh.ssh.net.opening import Opening
from jupyter_ssh.ssh.protocol.session import SessionInfo
from tests.support.peers import require_tool

SIZE = 60_000
TURN_SECONDS = 30


def reach(server: Any, **options: Any) -> Opening[Connection]:
    """Connects to one of the peers, by its key unless ``options`` say otherwise."""
    settings = {
        "user": server.user,
        "port": server.port,
        "known_hosts": server.known_hosts,
        "identity_file": server.client_key,
        "config": "none",
        "connect_timeout": 20,
        **options,
    }
    return connect(server.host, **settings)


class Person:
    """Answers as told and keeps what was asked."""

    def __init__(
        self,
        *,
        secrets: list[str | None] | None = None,
        host_key: bool = False,
        answers: list[list[str] | None] | None = None,
    ) -> None:
        self.secrets = list(secrets or [])
        self.host_key = host_key
        self.answers = list(answers or [])
        self.asked: list[str] = []
        self.questions: list[HostKeyQuestion] = []
        self.banners: list[str] = []

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        self.questions.append(question)
        return self.host_key

    async def ask_secret(self, prompt: str) -> str | None:
        self.asked.append(prompt)
        return self.secrets.pop(0) if self.secrets else None

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        self.asked += [prompt for prompt, _ in prompts]
        return self.answers.pop(0) if self.answers else None

    async def confirm(self, text: str, default: bool = False) -> bool:
        self.asked.append(text)
        answer = self.answers.pop(0) if self.answers else None
        return answer is not None and yes_or_no(answer[0], default) is True

    def show_banner(self, text: str) -> None:
        self.banners.append(text)


@asynccontextmanager
async def talking(server: Any, **options: Any) -> AsyncIterator[Connection]:
    """A connection over which data went both ways, under two sets of keys.  One channel: TinySSH has no second."""
    data = os.urandom(SIZE // 2) * 2
    async with reach(server, **options) as connection:
        process = await connection.start("cat")
        for exchanges in (1, 2):
            process.stdin.write(data)
            assert await asyncio.wait_for(process.stdout.readexactly(SIZE), TURN_SECONDS) == data
            assert connection.channel_host.session.info.rekeys == exchanges - 1
            if exchanges == 1:
                connection.channel_host.session.rekey()
        process.stdin.write_eof()
        assert (await asyncio.wait_for(process.wait(), TURN_SECONDS)).exit_status == 0
        yield connection


async def exchange_data(server: Any, **options: Any) -> SessionInfo:
    """What was agreed on in such a connection."""
    async with talking(server, **options) as connection:
        return connection.channel_host.session.info


def software(info: SessionInfo) -> str:
    """The peer's name and version."""
    return info.peer_version.split("-", 2)[2].split()[0].replace("_", " ", 1)


def openssh_knows(kind: str) -> list[str]:
    """What the OpenSSH of this machine can do (``ssh -Q``)."""
    ssh = require_tool("ssh", "openssh-client")
    return subprocess.run([ssh, "-Q", kind], capture_output=True, text=True, check=True).stdout.split()
