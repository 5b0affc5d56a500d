"""One page's connection to this place: reads its frames, hands them to the services, and keeps its streams.

A frame of an unknown type, with invalid members, or that a service fails to handle is answered by `error`; bytes that
are not a valid frame end the connection.  Neither affects what the services hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from jupyter_ssh.pages.close_codes import VERSIONS
from jupyter_ssh.pages.frames import Data, FrameError, check_size, service_frame
from jupyter_ssh.pages.limits import (
    CONTROL_BYTES,
    LARGE_CONTROL_BYTES,
    SERVER_CLIENT,
    SERVICE_CHARACTERS,
    SERVICES,
    STREAMS,
    VERSION,
)
from jupyter_ssh.pages.members import MemberError, Members
from jupyter_ssh.pages.services import Refusal, Service, Stream
from jupyter_ssh.pages.transport import PageTransport

log = logging.getLogger(__name__)

_REFERENCES = ("request", "stream")
_SHOWN = 40
"""How many characters of an unknown type an `error` shows."""
_BUG = "The kernel could not handle this, because of an error in jupyter_ssh."


class PageConnection:
    """The receiving half of one page's connection; ``transport`` is the sending half.

    ``facts`` are what `welcome` says about the place itself; ``on_hello`` and ``on_gone`` notify the place.
    """

    def __init__(
        self,
        transport: PageTransport,
        services: Mapping[str, Service],
        facts: Mapping[str, Any],
        *,
        on_hello: Callable[[PageConnection], None],
        on_gone: Callable[[PageConnection], None],
    ) -> None:
        self.transport = transport
        self.greeted = False
        self.is_page = True
        self.services: frozenset[str] = frozenset()
        self.closed = False
        self._services = services
        self._facts = facts
        self._on_hello = on_hello
        self._on_gone = on_gone
        self._streams: dict[int, Stream] = {}

    # --- the transport's side -----------------------------------------------------------------------------------------

    def control(self, message: dict[str, Any], size: int) -> None:
        """Handle a control frame of ``size`` bytes; raise `FrameError` if the connection has to end."""
        if self.closed:
            return
        kind = message["type"]
        service, verb = self._find(kind)
        check_size(size, LARGE_CONTROL_BYTES if service is not None and verb in service.large else CONTROL_BYTES)
        members = Members(message)
        if not self.greeted:
            self._hello(kind, members)
        elif service is not None:
            self._serve(service, verb, kind, members)
        elif verb:
            text = f"This kernel has no service for frames of the type {kind[:_SHOWN]!r}."
            self.send_error(Refusal("unknown-service", text), members.references(_REFERENCES))
        elif kind == "ping":
            self.transport.control({"type": "pong", **members.references(("request",))})
        elif kind != "error":  # the page did not know one of our frames: nothing to be done about it
            self.send_error(_unknown_type(kind), members.references(_REFERENCES))

    def _find(self, kind: str) -> tuple[Service | None, str]:
        """Return the frame's service and verb; the verb is empty in a frame of the transport itself."""
        name, _, verb = kind.partition(".")
        return self._services.get(name) if verb else None, verb

    def _serve(self, service: Service, verb: str, kind: str, members: Members) -> None:
        handler = service.verbs.get(verb)
        try:
            if handler is None:
                raise _unknown_type(kind)
            handler(self, members)
        except MemberError as error:
            refusal = Refusal("bad-frame", f"A frame of the type {kind} was not understood: {error}.")
        except Refusal as refused:
            refusal = refused
        except FrameError:
            raise
        except Exception:
            log.exception("a frame of the type %s could not be handled", kind)
            refusal = Refusal("failed", _BUG)
        else:
            return
        self.send_error(refusal, members.references((*_REFERENCES, *service.references)), service.name)

    def data(self, frame: Data) -> None:
        """Handle a data frame; raise `FrameError` if the connection has to end."""
        if self.closed:
            return
        if not self.greeted:
            raise FrameError("data before hello", phase="page frames", expected="hello")
        stream = self._streams.get(frame.stream)
        if stream is None:
            self.send_error(Refusal("no-stream", "Nothing is attached to this stream."), {"stream": frame.stream})
            return
        try:
            stream.receive(frame.offset, frame.payload)
        except Refusal as refused:
            refusal = refused
        except FrameError:
            raise
        except Exception:
            log.exception("data of a stream of the service %s could not be handled", stream.service)
            refusal = Refusal("failed", _BUG)
        else:
            return
        self.send_error(refusal, {"stream": frame.stream}, stream.service)

    def writable_again(self) -> None:
        """Resume sending: the transport accepts data again."""
        for stream in list(self._streams.values()):
            stream.writable_again()

    def gone(self) -> None:
        """Forget everything: the connection has ended, on either side."""
        if self.closed:
            return
        self.closed = True
        self._on_gone(self)
        for number in list(self._streams):
            self.close_stream(number)
        for service in self._services.values():
            service.gone(self)

    def close(self, code: int, reason: str) -> None:
        """End the connection."""
        if not self.closed:
            self.transport.close(code, reason)
            self.gone()

    def _hello(self, kind: str, members: Members) -> None:
        if kind != "hello":
            raise FrameError("the first frame is not hello", phase="page frames", expected="hello")
        version = members.raw("version")
        if version != VERSION or isinstance(version, bool):
            text = f"The page speaks version {str(version)[:20]} of the page protocol, the kernel version {VERSION}."
            step = "Reload the page; if that does not help, install the same jupyter_ssh on both sides."
            self.send_error(Refusal("version", text, step), {})
            self.close(VERSIONS, "the versions do not match")
            return
        try:
            self.services = members.names("services", SERVICES, SERVICE_CHARACTERS)
        except MemberError as error:
            raise FrameError(
                "hello does not name the page's services", phase="page frames", expected=error.expected
            ) from None
        self.greeted = True
        self.is_page = members.raw("client") != SERVER_CLIENT
        self._on_hello(self)
        announced = {name: service.announce(self) for name, service in self._services.items() if name in self.services}
        self.transport.control({"type": "welcome", "version": VERSION, **self._facts, "services": announced})

    # --- what services see: `jupyter_ssh.pages.services.Page` ---------------------------------------------------------

    @property
    def full(self) -> bool:
        """Whether it has as many streams as allowed."""
        return len(self._streams) >= STREAMS

    def send(self, service: str, verb: str, members: dict[str, Any]) -> None:
        """Send a control frame of a service."""
        self.transport.control(service_frame(service, verb, members))

    def send_error(self, refusal: Refusal, references: Mapping[str, Any], service: str | None = None) -> None:
        """Tell the page that a request cannot be fulfilled; ``references`` say which."""
        said = {"code": refusal.code, "text": refusal.text, "next_step": refusal.next_step}
        of = {"service": service} if service is not None else {}
        self.transport.control({"type": "error", **references, **of, **said})

    def open_stream(self, number: int, stream: Stream) -> None:
        """Assign the number to ``stream``, closing one that has it.  Raises `Refusal` if there are too many."""
        self.close_stream(number)
        if self.full:
            raise Refusal("too-many", "This page has too many streams open.", "Close some of the tabs.")
        self._streams[number] = stream

    def stream(self, number: int) -> Stream | None:
        """Return the stream with this number."""
        return self._streams.get(number)

    def close_stream(self, number: int) -> None:
        """Close the stream with this number, if there is one."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.closed()


def _unknown_type(kind: str) -> Refusal:
    return Refusal("unknown-type", f"This kernel does not know frames of the type {kind[:_SHOWN]!r}.")
