"""The server's end of the fallback transport: a kernel on another machine, over its own channels.

It is here and not in the page because there our messages would wait behind whatever cells print: JupyterLab reads the
messages of a kernel's WebSocket one after another, and draws each.  Here, a subscription to one topic yields only our
own messages, and no limit on output drops them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

import zmq

from jupyter_ssh.pages.batches import Batches
from jupyter_ssh.pages.close_codes import BAD_FRAME, NO_SERVICE, SILENT
from jupyter_ssh.pages.comms import ANSWER_TYPE, MESSAGE_TYPE, QUESTION_TYPE, comm_of, is_understood
from jupyter_ssh.pages.frames import (
    CONTROL,
    DATA,
    Close,
    FrameError,
    decode_control,
    decode_data,
    encode_control,
    encode_data,
)
from jupyter_ssh.pages.limits import UNREAD
from jupyter_ssh.ssh.errors import ConnectError

ANSWER_SECONDS: Final = 30.0
"""A kernel that has not answered at all this long after the start is given up."""
LOOK_SECONDS: Final = 1.0
ALIVE_SECONDS: Final = 3.0
"""How often a silent page asks for a sign of life; a kernel that answers nothing for a minute is given up."""
THROUGH: Final = "channels"


class KernelChannels:
    """A connection to a kernel through its channels, with the same interface as `PlaceConnection`."""

    def __init__(
        self, manager: Any, on_frame: Callable[[int, bytes], None], on_end: Callable[[Close | None], None]
    ) -> None:
        self._manager = manager
        self._on_frame = on_frame
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        identity = secrets.token_hex(16)
        self._comm = comm_of(identity)
        # A busy kernel may be silent for a long time; the amount of unacknowledged data is limited anyway.
        self._batches = Batches(identity, self._post, self._loop.time(), silent=float("inf"))
        self._ready = manager.ready
        self._control = manager.connect_control()
        self._control.on_recv(self._replied)
        self._iopub = manager.connect_iopub()
        topic = f"comm-{self._comm}".encode()
        self._iopub.socket.setsockopt(zmq.SUBSCRIBE, topic)
        self._iopub.socket.setsockopt(zmq.UNSUBSCRIBE, b"")
        self._iopub.on_recv(self._received)
        self._closed = False
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._began = self._alive = self._loop.time()
        self._watch = self._loop.call_later(LOOK_SECONDS, self._look)
        self._answered = False
        """Whether the kernel said that it understands frames; none are sent before."""
        # Requests are answered in order: a kernel that answers only the second does not understand the first.
        manager.session.send(self._control, QUESTION_TYPE, {"target_name": MESSAGE_TYPE})
        manager.session.send(self._control, "kernel_info_request", {})
        self._batches.ask()

    # --- towards the kernel -------------------------------------------------------------------------------------------

    def send(self, kind: int, body: bytes) -> bool:
        """Send a frame; return False if too much is waiting for the kernel to read, which is then given up."""
        if self._closed:
            return True
        try:
            if kind == CONTROL:
                self._batches.control(decode_control(body), len(body))
            else:
                data = decode_data(body)
                self._batches.data(data.stream, data.offset, data.payload)
        except FrameError as error:
            self._end(Close(BAD_FRAME, error.message))
            return True
        if self._batches.queued > UNREAD:
            self.abort()
            return False
        self._flush_soon()
        return True

    def _post(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self._manager.session.send(self._control, MESSAGE_TYPE, content, buffers=buffers)

    def _flush_soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._closed or not self._answered:
            return
        now = self._loop.time()
        again = self._batches.flush(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if again is not None:
            self._timer = self._loop.call_later(max(0.0, again - now), self._flush)

    def _look(self) -> None:
        now = self._loop.time()
        if self._manager.ready is not self._ready:  # renewed at each start, and at the end
            self._end(None)
        elif self._batches.gone(now) or (not self._answered and now - self._began >= ANSWER_SECONDS):
            self._end(Close(SILENT, "the kernel does not answer"))
        else:
            self._watch = self._loop.call_later(LOOK_SECONDS, self._look)
            if self._answered and now - self._alive >= ALIVE_SECONDS:
                self._alive = now
                self._batches.ask()
                self._flush_soon()

    # --- from the kernel ----------------------------------------------------------------------------------------------

    def _message(self, parts: list[bytes]) -> dict[str, Any]:
        """Return the message, or an empty one if it is not signed with the kernel's key."""
        session = self._manager.session
        try:
            message: dict[str, Any] = session.deserialize(session.feed_identities(parts)[1])
        except ValueError:
            return {"msg_type": "", "content": {}}
        return message

    def _replied(self, parts: list[bytes]) -> None:
        message = self._message(parts)
        kind = message["msg_type"]
        if self._answered or kind not in (ANSWER_TYPE, "kernel_info_reply"):
            return
        if kind == ANSWER_TYPE and is_understood(message["content"]):
            self._answered = True
            self._flush_soon()
        else:
            self._end(Close(NO_SERVICE, "no terminals there"))

    def _received(self, parts: list[bytes]) -> None:
        message = self._message(parts)
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content.get("comm_id") != self._comm:
            return
        data, buffers = content["data"], [bytes(buffer) for buffer in message["buffers"]]
        try:
            frames = self._batches.receive(data, buffers, self._loop.time())
        except FrameError as error:
            self._end(Close(BAD_FRAME, error.message))
            return
        for frame in frames:
            if isinstance(frame, dict):
                if frame["type"] == "welcome":
                    frame["through"] = THROUGH
                self._on_frame(CONTROL, encode_control(frame))
            else:
                self._on_frame(DATA, encode_data(frame.stream, frame.offset, frame.payload))
        code = data.get("close")
        if isinstance(code, int):
            self._end(Close(code, str(data.get("reason", ""))))
        else:
            self._flush_soon()

    # --- for the caller -----------------------------------------------------------------------------------------------

    def pause(self, paused: bool) -> None:
        """Stop or resume reading from the kernel, which sends only a limited amount without acknowledgements."""
        if not self._closed:
            self._iopub.on_recv(None if paused else self._received)

    def close(self) -> None:
        """Tell the kernel, then close the connection; ``on_end`` is not called."""
        if not self._closed:
            self._batches.end(1000, "")
            self._batches.flush(self._loop.time())
            self.abort()

    def abort(self) -> None:
        """Close the connection at once; ``on_end`` is not called."""
        if self._closed:
            return
        self._closed = True
        self._watch.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for stream in (self._control, self._iopub):
            stream.on_recv(None)
            stream.close(linger=1000)

    def _end(self, close: Close | None) -> None:
        if not self._closed:
            self.abort()
            self._on_end(close)


def connect_channels(
    kernels: Any, name: str, on_frame: Callable[[int, bytes], None], on_end: Callable[[Close | None], None]
) -> KernelChannels:
    """Connect to the place of the kernel ``name``; one without a place ends with 4404.

    Raises `ConnectError` if the kernel is not this server's, or is reached through another server (a gateway).
    """
    manager = kernels.get_kernel(name) if name in kernels else None
    if manager is None or not manager.control_port or not manager.has_kernel:
        raise ConnectError(
            f"the terminals of {name} cannot be reached: this server has no channels to it", phase="terminal"
        )
    return KernelChannels(manager, on_frame, on_end)
