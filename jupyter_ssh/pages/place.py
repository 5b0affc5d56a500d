"""A place: this process, as pages see it, with its services, connected pages, and their transports."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from pathlib import Path
from typing import Any

from jupyter_ssh.pages.close_codes import KERNEL_ENDED, SILENT, TOO_MANY
from jupyter_ssh.pages.comms import Comms
from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.limits import CONNECTIONS, HELLO_SECONDS
from jupyter_ssh.pages.listener import Listener
from jupyter_ssh.pages.services import Page, Service
from jupyter_ssh.pages.transport import PageTransport

log = logging.getLogger(__name__)


class Place:
    """The place ``name``: a kernel's id, or ``host``.  Everything is called in the loop in which it was created."""

    def __init__(self, name: str, *services: Service) -> None:
        self.name = name
        self.start = secrets.token_urlsafe(16)
        """A new value means that everything that lived here before is gone."""
        self.services: dict[str, Service] = {}
        self.connections: set[PageConnection] = set()
        self.listener: Listener | None = None
        self.comms: Comms | None = None
        self._pages: set[Page] = set()
        for service in services:
            self.add(service)

    def add(self, service: Service) -> None:
        """Register a service."""
        self.services[service.name] = service
        service.pages = self._pages

    async def listen(self, folder: Path | None = None, kernel: Any = None) -> None:
        """Open the transports: a private socket, published in the Jupyter runtime directory ``folder``, and the
        channels of ``kernel``, an ipykernel.
        """
        try:
            self.listener = await Listener.start(self.connected, self.name, folder)
        except OSError as error:  # the fallback transport needs no socket
            log.warning("cannot open the private socket for terminals: %s", error)
        if kernel is not None:
            self.comms = Comms(self.connected, kernel)

    def connected(self, transport: PageTransport) -> PageConnection:
        """Add a page that has connected through a transport; return the `PageConnection` for what it sends."""
        facts = {"place": self.name, "pid": os.getpid(), "start": self.start}
        connection = PageConnection(transport, self.services, facts, on_hello=self._pages.add, on_gone=self._gone)
        if len(self.connections) >= CONNECTIONS:
            connection.close(TOO_MANY, "too many connections")
            return connection
        self.connections.add(connection)
        asyncio.get_running_loop().call_later(HELLO_SECONDS, expect_hello, connection)
        return connection

    def _gone(self, connection: PageConnection) -> None:
        self.connections.discard(connection)
        self._pages.discard(connection)

    @property
    def pages(self) -> int:
        """The number of connected pages, not counting a Jupyter server that asks what is announced."""
        return sum(connection.is_page for connection in self.connections)

    @property
    def in_use(self) -> bool:
        """Whether a service holds something that must not end when no page is connected."""
        return any(service.in_use for service in self.services.values())

    async def close(self, code: int = KERNEL_ENDED, reason: str = "the kernel has ended") -> None:
        """Close all connections, end what the services hold, and stop listening."""
        for connection in list(self.connections):
            connection.close(code, reason)
        if self.comms is not None:
            self.comms.close()
        if self.listener is not None:
            self.listener.close()
        services = self.services.values()
        for outcome in await asyncio.gather(*(service.close() for service in services), return_exceptions=True):
            if isinstance(outcome, BaseException):
                log.debug("closing a service failed: %s", outcome)


def expect_hello(connection: PageConnection) -> None:
    """Close a connection on which `hello` is overdue."""
    if not connection.greeted:
        connection.close(SILENT, "no hello was received")
