"""The fallback transport in an ipykernel: for pages whose Jupyter server cannot reach the private socket.

Frames arrive in messages of a type of our own on the control channel, which a kernel answers while a cell runs, and
leave as messages of a comm.  We implement the comm ourselves, since ipykernel's would deliver to the cell's thread.
All we use of ipykernel is ``control_handlers``, ``session`` and ``iopub_socket`` of the kernel; a test checks that each
of its versions has them.

A kernel without this service writes an error to its log for each message of an unknown type.  Therefore a page asks
first, with a ``comm_info_request``, which every kernel knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from jupyter_ssh.pages.batches import Batches
from jupyter_ssh.pages.close_codes import BAD_FRAME, NO_SERVICE, SILENT
from jupyter_ssh.pages.connection import PageConnection
from jupyter_ssh.pages.frames import Data, FrameError, encode_control
from jupyter_ssh.pages.transport import PageTransport

log = logging.getLogger(__name__)

MESSAGE_TYPE: Final = "jupyter_ssh_frames"
"""Of messages with frames, and the ``target_name`` in the question whether they are understood."""
QUESTION_TYPE: Final = "comm_info_request"
ANSWER_TYPE: Final = "comm_info_reply"
CONNECTION_CHARACTERS: Final = 64
GOODBYE_SECONDS: Final = 10.0
"""How long it may take to send what is waiting for a page, and that its connection is closed."""


def is_understood(content: Any) -> bool:
    """Whether a kernel with this answer to QUESTION_TYPE, the content of its message, has the service."""
    return isinstance(content, dict) and bool(content.get("comms"))


def comm_of(connection: str) -> str:
    """Return the id of a connection's comm; the topic of its messages is ``comm-`` followed by the id."""
    return f"jupyter-ssh-{connection}"


class Comms:
    """The pages that communicate with this kernel through its own channels.

    ``connected`` is called with the transport of each page, in the loop in which this object was created.
    """

    def __init__(self, connected: Callable[[PageTransport], PageConnection], kernel: Any) -> None:
        self.connected = connected
        self.kernel = kernel
        self._loop = asyncio.get_running_loop()
        self._pages: dict[str, CommTransport] = {}
        self._others = kernel.control_handlers.get(QUESTION_TYPE)
        kernel.control_handlers[MESSAGE_TYPE] = self._heard
        kernel.control_handlers[QUESTION_TYPE] = self._asked

    def close(self) -> None:
        """Stop listening."""
        handlers = self.kernel.control_handlers
        if handlers.get(MESSAGE_TYPE) == self._heard:
            del handlers[MESSAGE_TYPE]
        if handlers.get(QUESTION_TYPE) == self._asked:
            handlers[QUESTION_TYPE] = self._others
            if self._others is None:
                del handlers[QUESTION_TYPE]

    # The next two are called in the thread of the control channel.
    def _asked(self, stream: Any, identities: Any, message: dict[str, Any]) -> Any:
        content = message.get("content")
        if isinstance(content, dict) and content.get("target_name") == MESSAGE_TYPE:
            comms = {MESSAGE_TYPE: {"target_name": MESSAGE_TYPE}}
            answer = {"comms": comms, "status": "ok"}
            self.kernel.session.send(stream, ANSWER_TYPE, answer, message, ident=identities)
            return None
        return self._others(stream, identities, message) if self._others is not None else None

    def _heard(self, stream: Any, identities: Any, message: dict[str, Any]) -> None:
        buffers = [bytes(buffer) for buffer in message.get("buffers", ())]
        content = message.get("content")
        try:
            self._loop.call_soon_threadsafe(self._receive, content, buffers)
        except RuntimeError:  # the loop is closed: the kernel is ending
            pass

    def _receive(self, content: Any, buffers: list[bytes]) -> None:
        identity = content.get("connection") if isinstance(content, dict) else None
        if not isinstance(identity, str) or not 1 <= len(identity) <= CONNECTION_CHARACTERS:
            log.debug("a message without a connection")
            return
        page = self._pages.get(identity)
        if page is None:
            if content.get("seq") != 1:
                self._refuse(identity)
                return
            page = self._pages[identity] = CommTransport(self, identity)
            page.connection = self.connected(page)
        page.receive(content, buffers)

    def _refuse(self, identity: str) -> None:
        """Reject a message that continues an unknown connection: of an earlier kernel, or one silent for too long."""
        content = {"connection": identity, "seq": 0, "ack": 0, "frames": []}
        self.publish(identity, {**content, "close": NO_SERVICE, "reason": "no such connection"})

    def forget(self, identity: str) -> None:
        """Forget a connection that is over."""
        self._pages.pop(identity, None)

    def publish(self, identity: str, data: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Publish a message of the connection's comm, to all pages of the kernel.

        Nobody opens that comm: the page looks only at its id, and a frontend without the comm would close it.
        """
        comm = comm_of(identity)
        content = {"comm_id": comm, "data": data}
        kernel = self.kernel
        try:
            kernel.session.send(
                kernel.iopub_socket, "comm_msg", content, parent={}, ident=f"comm-{comm}".encode(), buffers=buffers
            )
        except Exception as error:  # the kernel is ending; there is nobody to tell
            log.debug("a message was not published: %s", type(error).__name__)


class CommTransport(PageTransport):
    """One page on the fallback transport."""

    def __init__(self, comms: Comms, identity: str) -> None:
        self._comms = comms
        self._identity = identity
        self._loop = asyncio.get_running_loop()
        self._batches = Batches(identity, self._publish, self._loop.time())
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._open = True
        self._over = False
        """Whether the last message has been sent, or need not be."""
        self._starved = False
        """Whether a stream had something to send and could not."""
        self.connection: PageConnection | None = None
        self._watch = self._loop.call_later(1.0, self._look)

    def _publish(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self._comms.publish(self._identity, content, buffers)

    # --- from the page ------------------------------------------------------------------------------------------------

    def receive(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Handle a message."""
        connection = self.connection
        if connection is None or self._over:
            return
        try:
            for frame in self._batches.receive(content, buffers, self._loop.time()):
                if isinstance(frame, Data):
                    connection.data(frame)
                else:
                    connection.control(frame, len(encode_control(frame)))
        except FrameError as error:
            log.debug("a page violated the protocol: %s", error)
            connection.close(BAD_FRAME, error.message)
            return
        if content.get("close") is not None:
            connection.gone()
            self._end()
            return
        self._flush_soon()

    def _look(self) -> None:
        now = self._loop.time()
        if self._batches.gone(now):
            if self.connection is not None:
                self.connection.gone()
            self._end()
            return
        self._watch = self._loop.call_later(1.0, self._look)

    # --- towards the page ---------------------------------------------------------------------------------------------

    @property
    def writable(self) -> bool:
        writable = self._open and self._batches.writable
        self._starved = self._starved or not writable
        return writable

    def control(self, message: dict[str, Any]) -> None:
        if self._open:
            self._batches.control(message, len(encode_control(message)))
            self._flush_soon()
            if self._batches.overfull and self.connection is not None:
                self.connection.close(SILENT, "the page does not read what it is sent")

    def data(self, stream: int, offset: int, pieces: tuple[memoryview, ...], size: int) -> None:
        if self._open:
            self._batches.data(stream, offset, b"".join(pieces))
            self._flush_soon()

    def discard(self, stream: int) -> None:
        self._batches.discard(stream)

    def close(self, code: int, reason: str) -> None:
        if self._open:
            self._open = False
            self._batches.end(code, reason)
            self._deadline = self._loop.call_later(GOODBYE_SECONDS, self._end)
            self._flush()

    def _end(self) -> None:
        self._open = False
        self._over = True
        self._watch.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._comms.forget(self._identity)

    def _flush_soon(self) -> None:
        # Once per turn of the loop: everything that one event causes goes into one message.
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self._over:
            return
        again = self._batches.flush(self._loop.time())
        if not self._open and (again is None or not self._batches.ending):
            self._end()
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if again is not None:
            self._timer = self._loop.call_later(max(0.0, again - self._loop.time()), self._flush)
        if self._starved and self._batches.writable and self.connection is not None:
            self._starved = False
            self.connection.writable_again()
