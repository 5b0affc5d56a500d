"""The WebSocket of a page: it relays frames to and from one place without looking into them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.ioloop import PeriodicCallback
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from jupyter_ssh.bridge.kernel_channels import KernelChannels, connect_channels
from jupyter_ssh.bridge.places import PLACES_SETTING, Places, allowed
from jupyter_ssh.bridge.relay import PlaceConnection, connect_place, is_here
from jupyter_ssh.pages.close_codes import BAD_FRAME, KERNEL_ENDED, NO_SERVICE, NOT_ALLOWED, OWN, SILENT
from jupyter_ssh.pages.frames import CONTROL, DATA, Close
from jupyter_ssh.pages.limits import DATA_BYTES, LARGE_CONTROL_BYTES
from jupyter_ssh.pages.rendezvous import HOST_PLACE, RELAY, PlaceFile
from jupyter_ssh.ssh.errors import SSHError

PING_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 30.0
"""A page that has been silent for this long, even to pings, is gone."""
IN_FLIGHT: Final = 1 << 20
"""How much may wait here for a page; beyond that, nothing is read from the place, which then has to wait too."""
_DATA_HEAD_BYTES: Final = 12


class PageWebSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``GET jupyter-ssh/channels/{place}``."""

    auth_resource = "kernels"
    ping_interval = 0  # we send pings ourselves, so that silence ends with a close code
    max_message_size = LARGE_CONTROL_BYTES + 1024

    _place = ""
    _allowed = False
    _connection: PlaceConnection | KernelChannels | None = None
    _pings: PeriodicCallback | None = None
    _in_flight = 0
    _paused = False
    _heard = 0.0
    _over = False

    def set_default_headers(self) -> None:
        """Set none: the headers of a page make no sense here."""

    def get_compression_options(self) -> None:
        """Return None: to the same machine, compression would cost more time than it saves."""

    # Those without permission get a close code, which a page can read, instead of a refused handshake.
    @allow_unauthenticated
    async def get(self, *args: Any, place: str, **kwargs: Any) -> None:
        """Check the user's permission; tornado checks the origin before it accepts anything."""
        self._place = place
        self._allowed = await allowed(self, place)
        await super().get(*args, place=place, **kwargs)

    async def open(self, *args: Any, place: str, **kwargs: Any) -> None:
        """Find the place and connect to it."""
        if not self._allowed:
            self.log.warning("jupyter_ssh: a page without permission asked for the terminals of %s", place)
            self._end(NOT_ALLOWED, "not allowed")
            return
        self.set_nodelay(True)
        places: Places = self.settings[PLACES_SETTING]
        found = places.find(place, self.kernel_manager)
        try:
            connection = await self._connect(place, found)
        except (OSError, SSHError) as error:
            self.log.debug("jupyter_ssh: %s", error)
            self._end(NO_SERVICE, "no terminals there")
            return
        if self._over:
            connection.abort()
            return
        self._connection = connection
        if place == HOST_PLACE and found is not None:
            places.host_process.hold()
        self._heard = asyncio.get_running_loop().time()
        self._pings = PeriodicCallback(self._ping, PING_SECONDS * 1000)
        self._pings.start()

    async def _connect(self, place: str, found: PlaceFile | None) -> PlaceConnection | KernelChannels:
        """Connect to the private socket if it is on this machine, else to the kernel over its own channels."""
        if found is not None and is_here(found):
            return await connect_place(found, RELAY, self._from_place, self._place_ended)
        return connect_channels(self.kernel_manager, place, self._from_place, self._place_ended)

    def _ping(self) -> None:
        if asyncio.get_running_loop().time() - self._heard > SILENT_SECONDS:
            self._end(SILENT, "silent for too long")
            return
        try:
            self.ping(b"")
        except WebSocketClosedError:
            self.on_close()

    def on_pong(self, data: bytes) -> None:
        """Note that the page is there."""
        self._heard = asyncio.get_running_loop().time()

    # --- from the page ------------------------------------------------------------------------------------------------

    def on_message(self, message: str | bytes) -> None:
        """Pass on a frame from the page."""
        connection = self._connection
        if connection is None or self._over:
            return
        self._heard = asyncio.get_running_loop().time()
        if isinstance(message, str):
            kind, body = CONTROL, message.encode("utf-8", "replace")
            fits = len(body) <= LARGE_CONTROL_BYTES
        else:
            kind, body = DATA, message
            fits = _DATA_HEAD_BYTES < len(body) <= _DATA_HEAD_BYTES + DATA_BYTES
        if not fits:
            self._end(BAD_FRAME, "a frame of an impossible size")
        elif not connection.send(kind, body):
            self._end(SILENT, "the kernel does not read what it is sent")

    def on_close(self) -> None:
        """Close the connection to the place: either side has closed the WebSocket."""
        self._over = True
        if self._pings is not None:
            self._pings.stop()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- from the place -----------------------------------------------------------------------------------------------

    def _from_place(self, kind: int, body: bytes) -> None:
        if self._over:
            return
        size = len(body)
        try:
            written = self.write_message(body, binary=kind == DATA)
        except WebSocketClosedError:
            self.on_close()
            return
        self._in_flight += size
        if self._in_flight > IN_FLIGHT and not self._paused and self._connection is not None:
            self._paused = True
            self._connection.pause(True)

        def done(future: asyncio.Future[None]) -> None:
            future.exception()  # a page that is gone is noticed elsewhere
            self._in_flight -= size
            if self._paused and self._in_flight <= IN_FLIGHT // 2 and self._connection is not None:
                self._paused = False
                self._connection.pause(False)

        written.add_done_callback(done)

    def _place_ended(self, close: Close | None) -> None:
        if close is None:
            self._end(KERNEL_ENDED, "the kernel has ended")
        else:
            self._end(close.code if close.code in OWN else KERNEL_ENDED, close.reason)

    def _end(self, code: int, reason: str) -> None:
        self.close(code, reason)
        self.on_close()
