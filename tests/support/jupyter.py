"""A Jupyter server with our extension, kernels on it, and pages: what connects to it in a browser's place."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_ssh.installation import FOREIGN
from jupyter_ssh.pages.frames import decode_data, encode_data
from jupyter_ssh.pages.limits import VERSION
from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, read_place
from tests.support.processes import KILL_SECONDS, is_listening, wait_until

SECONDS = 90
STOP_SECONDS = 10
WINDOW_STEP = 64 << 10


@dataclass
class JupyterServer:
    """A running Jupyter server."""

    url: str
    token: str
    runtime: Path
    process: subprocess.Popen[bytes]
    log: Path

    def request(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """A REST request; raises urllib's HTTPError."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None and method == "GET" else json.dumps(body or {}).encode(),
            headers={"Authorization": f"token {self.token if token is None else token}"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def start_kernel(self, name: str = "python3") -> ServerKernel:
        """A kernel of this server."""
        return ServerKernel(self, self.request("POST", "api/kernels", {"name": name})["id"])

    def channel(self, place: str) -> str:
        """The address of a place's WebSocket."""
        return f"ws{self.url.removeprefix('http')}jupyter-ssh/channels/{place}"


class ServerKernel:
    """A kernel of a server, in which the tests run cells through its own connection file."""

    def __init__(self, server: JupyterServer, identity: str) -> None:
        self.server = server
        self.id = identity
        file = server.runtime / f"kernel-{identity}.json"
        wait_until(file.exists, "the kernel's connection file")
        self.client = BlockingKernelClient(connection_file=str(file))
        self.client.load_connection_file()
        self.client.start_channels()
        wait_until(self._answers, "the kernel answers", 2 * SECONDS)

    def _answers(self) -> bool:
        # Not wait_for_ready: on a busy machine that takes a kernel of somebody else's for dead.
        self.client.kernel_info()
        try:
            self.client.get_shell_msg(timeout=2)
            self.client.get_iopub_msg(timeout=2)
        except queue.Empty:
            return False
        return True

    def run(self, code: str, *, answers: list[str] | None = None, seconds: float = SECONDS) -> dict[str, Any]:
        """Run a cell to its end; its text is in the result's "text", its display data in "data"."""
        text: list[str] = []
        data: list[dict[str, Any]] = []
        left = list(answers or [])

        def output(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["header"]["msg_type"] == "stream":
                text.append(content["text"])
            elif message["header"]["msg_type"] in ("execute_result", "display_data"):
                data.append(content["data"])

        def stdin(message: dict[str, Any]) -> None:
            self.client.input(left.pop(0))

        reply = self.client.execute_interactive(
            code, allow_stdin=bool(left), output_hook=output, stdin_hook=stdin, timeout=seconds
        )["content"]
        assert reply["status"] == "ok", "\n".join(reply.get("traceback", []))
        return {"text": "".join(text), "data": data}

    def begin(self, code: str) -> str:
        """Begin a cell and go on."""
        return str(self.client.execute(code))

    def interrupt(self) -> None:
        """What ■ does."""
        self.server.request("POST", f"api/kernels/{self.id}/interrupt")

    def stop(self) -> None:
        """Shut it down."""
        self.client.stop_channels()
        try:
            self.server.request("DELETE", f"api/kernels/{self.id}")
        except OSError:
            pass


def install_foreign(folder: Path) -> Path:
    """Lay down what pip leaves of the other distribution of our import name; returns the folder for PYTHONPATH."""
    info = folder / "jupyter_ssh-9.8.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {FOREIGN}\nVersion: 9.8\n")
    return folder


@contextmanager
def running_server(
    folder: Path,
    env: Mapping[str, str],
    *options: str,
    keep_host: bool = False,
) -> Iterator[JupyterServer]:
    """A Jupyter server whose runtime directory is that of ``env``; its host outlives it with ``keep_host``."""
    runtime = Path(env["JUPYTER_RUNTIME_DIR"])
    log = folder / "jupyter.log"
    root = folder / "root"
    root.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "jupyter_server",
        "--no-browser",
        "--allow-root",
        "--port=0",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'jupyter_ssh': True}",
        *options,
    ]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:

        def info() -> Any:
            assert process.poll() is None, log.read_text()
            try:
                return json.loads((runtime / f"jpserver-{process.pid}.json").read_text())
            except (OSError, ValueError):
                return None

        found = wait_until(info, "the Jupyter server starts", 2 * SECONDS)
        server = JupyterServer(found["url"], found["token"], runtime, process, log)
        wait_until(lambda: is_listening(found["port"]), "the Jupyter server listens")
        yield server
    finally:
        stop_server(process)
        if not keep_host:
            stop_host(runtime)


def stop_server(process: subprocess.Popen[bytes]) -> None:
    """End a server with its kernels, which are in its process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(KILL_SECONDS)


def stop_host(runtime: Path) -> None:
    """End the host, if one runs: it outlives its server on purpose."""
    place = read_place(runtime / FOLDER, HOST_PLACE)
    if place is None:
        return
    try:
        host = psutil.Process(place.pid)
        host.terminate()
        host.wait(SECONDS)
    except psutil.NoSuchProcess:
        pass


# --- pages ------------------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """What a page has of a session: the bytes from ``first`` on, and its own input."""

    number: int
    session: str
    viewer: str
    first: int = 0
    output: bytearray = field(default_factory=bytearray)
    attached: list[dict[str, Any]] = field(default_factory=list)
    typed: int = 0
    acked: int = 0

    @property
    def end(self) -> int:
        """The output offset behind the last byte that came."""
        return self.first + len(self.output)


class Closed(Exception):
    """The WebSocket was closed, with this code."""

    def __init__(self, code: int | None, reason: str | None) -> None:
        super().__init__(code, reason)
        self.code = code


class Page:
    """One WebSocket; it checks that every byte comes once and in order, and acknowledges what it takes."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self.socket = socket
        self.streams: dict[int, Stream] = {}
        self.frames: list[dict[str, Any]] = []
        self.acknowledging = True
        self.keeping = True
        """Whether output is kept, or only counted."""
        self.welcome: dict[str, Any] = {}
        self.over = False
        """Whether the WebSocket is closed: then there is nothing more to read."""

    async def send(self, kind: str, /, **members: Any) -> None:
        """A control frame."""
        await self.socket.write_message(json.dumps({"type": kind, **members}))

    async def hello(self) -> dict[str, Any]:
        """Begin; returns `welcome`."""
        await self.send("hello", version=VERSION, client="test", services=["terminals", "questions"])
        self.welcome = await self.expect("welcome")
        return self.welcome

    async def read(self, seconds: float = SECONDS) -> dict[str, Any] | None:
        """The next control frame; None for a data frame, which goes to its stream.  Raises `Closed`."""
        message = await asyncio.wait_for(self.socket.read_message(), seconds)
        if message is None:
            self.over = True
            raise Closed(self.socket.close_code, self.socket.close_reason)
        if isinstance(message, str):
            frame: dict[str, Any] = json.loads(message)
            if frame["type"] == "terminals.attached":
                stream = self.streams[frame["stream"]]
                stream.attached.append(frame)
                if frame["from"] != stream.end:
                    stream.first, stream.output = frame["from"], bytearray()
                stream.acked = frame["from"]
            elif frame["type"] == "terminals.skipped":
                stream = self.streams[frame["stream"]]
                stream.first, stream.output, stream.acked = frame["to"], bytearray(), frame["to"]
            self.frames.append(frame)
            return frame
        data = decode_data(message)
        stream = self.streams[data.stream]
        assert data.offset == stream.end, f"output at {data.offset} in place of {stream.end}"
        if self.keeping:
            stream.output += data.payload
        else:
            stream.first += len(data.payload)
        if self.acknowledging and stream.end - stream.acked >= WINDOW_STEP:
            await self.acknowledge(stream)
        return None

    async def acknowledge(self, stream: Stream) -> None:
        """Say that all that came has been drawn."""
        stream.acked = stream.end
        await self.send("terminals.ack", stream=stream.number, offset=stream.end)

    async def expect(self, kind: str, /, **members: Any) -> dict[str, Any]:
        """The next control frame of this type and with these members; what comes before it is put by."""
        while True:
            frame = await self.read()
            if frame is not None and frame["type"] == kind and all(frame.get(k) == v for k, v in members.items()):
                return frame

    async def until(self, condition: Callable[[], Any]) -> None:
        """Read until the condition holds."""
        while not condition():
            await self.read()

    async def shown(self, stream: Stream, text: bytes) -> None:
        """Read until ``text`` is in the stream's output."""
        await self.until(lambda: text in stream.output)

    async def attach(
        self,
        session: str,
        number: int = 1,
        *,
        viewer: str = "viewer-1",
        have: int | None = None,
        typed: int = 0,
        rows: int = 24,
        cols: int = 80,
        visible: bool = True,
    ) -> Stream:
        """Look at a session."""
        stream = Stream(number, session, viewer, first=have or 0, typed=typed)
        self.streams[number] = stream
        await self.send(
            "terminals.attach",
            stream=number,
            session=session,
            viewer=viewer,
            rows=rows,
            cols=cols,
            visible=visible,
            have=have,
            typed=typed,
        )
        await self.expect("terminals.attached", stream=number)
        return stream

    async def type(self, stream: Stream, data: bytes | str) -> None:
        """Input."""
        data = data.encode() if isinstance(data, str) else data
        await self.socket.write_message(encode_data(stream.number, stream.typed, data), binary=True)
        stream.typed += len(data)

    async def closed(self) -> int | None:
        """Read until the WebSocket is closed; its code."""
        try:
            while True:
                await self.read()
        except Closed as closed:
            return closed.code

    async def close(self) -> None:
        """Close the WebSocket, and wait until it is."""
        self.socket.close()
        while not self.over:
            self.over = await asyncio.wait_for(self.socket.read_message(), SECONDS) is None


@asynccontextmanager
async def page(
    server: JupyterServer, place: str, *, token: str | None = None, hello: bool = True, headers: Any = None
) -> AsyncIterator[Page]:
    """A page of the server, connected to a place."""
    token = server.token if token is None else token
    authorization = {"Authorization": f"token {token}"} if token else {}
    request = HTTPRequest(server.channel(place), connect_timeout=SECONDS, headers={**authorization, **(headers or {})})
    connected = Page(await websocket_connect(request, max_message_size=64 << 20))
    connected.socket.protocol.stream.set_nodelay(True)  # as browsers do
    try:
        if hello:
            await connected.hello()
        yield connected
    finally:
        await connected.close()


def refused_handshake(server: JupyterServer, place: str, **headers: str) -> int:
    """The HTTP status with which a WebSocket of the owner is refused."""
    address = urllib.parse.urlsplit(server.channel(place))
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=SECONDS)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Authorization": f"token {server.token}",
    }
    try:
        connection.request("GET", address.path, headers={**upgrade, **headers})
        return connection.getresponse().status
    finally:
        connection.close()
