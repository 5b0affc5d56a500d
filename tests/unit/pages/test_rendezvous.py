"""The file and the socket of a place: private, proved, and swept away after a kernel's death."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jupyter_ssh.bridge.relay import connect_place
from jupyter_ssh.pages.close_codes import SILENT, VERSIONS
from jupyter_ssh.pages.frames import CONTROL, Close, Deframer, decode_close, decode_control, encode_control, framed
from jupyter_ssh.pages.limits import CONNECTIONS, UNREAD
from jupyter_ssh.pages.listener import Listener
from jupyter_ssh.pages.place import Place
from jupyter_ssh.pages.rendezvous import (
    FOLDER,
    GREETING_BYTES,
    LEASE,
    LONGEST_SOCKET_PATH,
    MAGIC,
    NONCE_BYTES,
    PROOF_BYTES,
    RELAY,
    PlaceFile,
    end_host,
    greeting,
    new_token,
    private_folder,
    proof,
    publish,
    read_place,
    sweep,
    valid_place,
)
from jupyter_ssh.ssh.errors import ConnectError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="looks at Unix sockets")


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place("kernel-1")
    await place.listen(tmp_path)
    yield place
    await place.close()


@pytest.fixture
def listener(place: Place) -> Listener:
    assert place.listener is not None
    return place.listener


def file_of(folder: Path, **changes: object) -> PlaceFile:
    values = {
        "place": "kernel-2",
        "path": "",
        "port": 1,
        "pid": os.getpid(),
        "node": platform.node(),
        "token": new_token(),
    }
    return PlaceFile(**{**values, **changes})  # type: ignore[arg-type]


async def test_the_place_is_private_and_gone_after_the_end(tmp_path: Path) -> None:
    place = Place("kernel-1")
    place.listener = await Listener.start(place.connected, "kernel-1", tmp_path)
    folder = tmp_path / FOLDER
    found = read_place(folder, "kernel-1")
    assert found is not None
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "kernel-1.json").stat().st_mode & 0o777 == 0o600
    assert Path(found.path).stat().st_mode & 0o777 == 0o600
    assert len(found.token) == 32
    assert found.token.hex() not in repr(found)
    await place.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("purpose", [RELAY, LEASE])
async def test_both_sides_prove_themselves(place: Place, listener: Listener, purpose: bytes) -> None:
    connection = await connect_place(listener.file, purpose, lambda kind, body: None, lambda close: None)
    assert listener.leases == (purpose == LEASE)
    assert len(place.connections) == (purpose == RELAY)
    connection.abort()
    while listener.connections:
        await asyncio.sleep(0)
    assert listener.leases == 0
    assert not place.connections


async def test_who_has_another_token_is_hung_up_on(place: Place, listener: Listener) -> None:
    wrong = PlaceFile(**{**vars(listener.file), "token": new_token()})
    with pytest.raises(ConnectError, match="closed the connection"):
        await connect_place(wrong, RELAY, lambda kind, body: None, lambda close: None)
    assert not place.connections


async def test_a_listener_with_another_token_is_not_believed(tmp_path: Path) -> None:
    token = new_token()
    heard = bytearray()

    async def impostor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(GREETING_BYTES)
        writer.write(bytes(NONCE_BYTES))
        heard.extend(await reader.readexactly(32))
        # It cannot make a proof without the token; the one that it got is of the other role.
        assert bytes(heard) != proof(token, b"listens", RELAY, first[len(MAGIC) + 1 :], bytes(NONCE_BYTES))
        writer.write(heard)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    path = str(tmp_path / "s")
    server = await asyncio.start_unix_server(impostor, path)
    with pytest.raises(ConnectError, match="token"):
        await connect_place(file_of(tmp_path, path=path, port=0, token=token), RELAY, print, print)  # type: ignore[arg-type]
    await ended.wait()
    server.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n" * 9,
        b"jssh-t0\n" + greeting(RELAY, bytes(32))[8:],
        greeting(b"x", bytes(32)),
        greeting(RELAY, bytes(32)) + bytes(32),
    ],
    ids=["nothing", "HTTP", "no version", "another purpose", "a wrong proof"],
)
async def test_garbage_before_the_proof(place: Place, listener: Listener, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(listener.file.path)
    writer.write(said)
    if said:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(NONCE_BYTES + 1), 30)
    writer.close()
    while listener.connections:
        await asyncio.sleep(0)
    assert not place.connections


@pytest.mark.parametrize("magic", [b"jssh-t1\n", b"jssh-t9\n"])
async def test_who_speaks_another_version_may_connect_and_is_told_so_in_frames(
    place: Place, listener: Listener, magic: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(listener.file.path)
    nonce = bytes(range(NONCE_BYTES))
    writer.write(magic + RELAY + nonce)
    theirs = await asyncio.wait_for(reader.readexactly(NONCE_BYTES), 30)
    token = listener.file.token
    writer.write(proof(token, b"connects", RELAY, nonce, theirs, magic))
    given = await asyncio.wait_for(reader.readexactly(PROOF_BYTES), 30)
    assert given == proof(token, b"listens", RELAY, nonce, theirs, magic)
    writer.write(framed(CONTROL, encode_control({"type": "hello", "version": 1, "client": "an older page"})))
    frames = Deframer().feed(await asyncio.wait_for(reader.read(-1), 30))
    assert decode_control(frames[0][1])["code"] == "version"
    assert decode_close(frames[1][1]).code == VERSIONS
    writer.close()


async def test_a_page_that_does_not_read_is_told_why_it_was_closed(place: Place, listener: Listener) -> None:
    ended: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()
    read = 0

    def frame(kind: int, body: bytes) -> None:
        nonlocal read
        read += len(body)

    relay = await connect_place(listener.file, RELAY, frame, ended.set_result)
    [page] = place.connections
    relay.pause(True)
    sent = 0
    while page.transport.writable or sent <= 2 * UNREAD:
        page.transport.control({"type": "x", "text": "x" * (1 << 20)})
        sent += 1 << 20
        await asyncio.sleep(0)
    assert page.closed
    assert not place.connections
    relay.pause(False)
    close = await asyncio.wait_for(ended, 60)
    assert close is not None
    assert close.code == SILENT
    assert UNREAD < read < sent, "what is sent after that is not kept"
    while listener.connections:
        await asyncio.sleep(0)


async def test_connections_are_bounded(listener: Listener) -> None:
    opened = [await asyncio.open_unix_connection(listener.file.path) for _ in range(2 * CONNECTIONS + 5)]
    ended = 0
    for reader, _ in opened[-5:]:
        ended += await asyncio.wait_for(reader.read(1), 30) == b""
    assert ended == 5
    for _, writer in opened:
        writer.close()


async def test_a_deep_runtime_folder_has_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    place = Place("kernel-1")
    place.listener = listener = await Listener.start(place.connected, "kernel-1", deep)
    path = Path(listener.file.path)
    assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
    assert path.parent.stat().st_mode & 0o777 == 0o700
    (await connect_place(listener.file, LEASE, lambda kind, body: None, lambda close: None)).abort()
    await place.close()
    assert not path.parent.exists()


def test_what_dead_kernels_left_is_swept_away(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "dead.s"))
    left.close()
    publish(folder, file_of(folder, place="dead", path=str(folder / "dead.s"), pid=gone.pid))
    publish(folder, file_of(folder, place="elsewhere", pid=gone.pid, node="another machine"))
    publish(folder, file_of(folder, place="alive"))
    (folder / "dead-too.json").write_text("half wri")
    sweep(folder)
    assert {path.name for path in folder.iterdir()} == {"elsewhere.json", "alive.json", "dead-too.json"}


def test_who_follows_one_that_was_killed_removes_its_socket(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "one.s"))
    left.close()
    publish(folder, file_of(folder, place="host", path=str(folder / "one.s")))  # its process is still listed
    publish(folder, file_of(folder, place="host", path=str(folder / "two.s")))
    assert {path.name for path in folder.iterdir()} == {"host.json"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_not_believed(tmp_path: Path, mode: int) -> None:
    folder = private_folder(tmp_path)
    path = publish(folder, file_of(folder))
    assert read_place(folder, "kernel-2") is not None
    path.chmod(mode)
    assert read_place(folder, "kernel-2") is None


def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    publish(folder, file_of(folder))
    folder.chmod(0o750)
    assert read_place(folder, "kernel-2") is None
    with pytest.raises(PermissionError):
        private_folder(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    publish(folder, file_of(folder)).rename(tmp_path / "aside")
    (folder / "kernel-2.json").symlink_to(tmp_path / "aside")
    assert read_place(folder, "kernel-2") is None


@pytest.mark.parametrize(
    "change", [{"place": "kernel-3"}, {"token": b"short"}, {"pid": -1}, {"port": "x"}, {"path": None}]
)
def test_a_file_with_wrong_values(tmp_path: Path, change: dict[str, object]) -> None:
    folder = private_folder(tmp_path)
    path = publish(folder, file_of(folder))
    values = json.loads(path.read_text())
    for name, value in change.items():
        values[name] = value.hex() if isinstance(value, bytes) else value
    path.write_text(json.dumps(values))
    if change == {"path": None}:
        values.pop("path")
        path.write_text(json.dumps(values))
    assert read_place(folder, "kernel-2") is None


DAMAGES = {
    "deep": b"[" * 4000,
    "deep in the token": b'{"token": ' + b"[" * 3000,
    "too large for an int": b'{"pid": 1e999, "port": 1}',
    "not a number": b'{"pid": NaN, "port": 1}',
    "many digits": b'{"pid": ' + b"9" * 4000 + b"}",
    "a long one": b" " * 5000,
    "bytes": bytes(range(256)),
    "another encoding": '{"place": "ä"}'.encode("utf-16"),
    "a list": b"[]",
    "a text": b'"text"',
    "nothing": b"",
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_none(tmp_path: Path, content: bytes) -> None:
    folder = private_folder(tmp_path)
    path = publish(folder, file_of(folder))
    path.write_bytes(content)
    assert read_place(folder, "kernel-2") is None
    sweep(folder)
    end_host(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        '"pid": 1e999',
        '"pid": 1e300',
        '"pid": 4294967297',
        '"pid": true',
        '"pid": "1"',
        '"pid": 1.5',
        '"port": 65536',
        '"port": -1',
        '"port": 1e999',
        '"path": "/tmp/a\\u0000b"',
        '"path": "/tmp/\\ud800"',
        '"path": 5',
        '"node": ["x"]',
        '"token": "ä"',
        '"token": 5',
    ],
)
def test_a_value_that_no_place_has(tmp_path: Path, change: str) -> None:
    folder = private_folder(tmp_path)
    path = publish(folder, file_of(folder, place="host"))
    # Of a name that occurs twice, the last value counts.
    path.write_text(path.read_text()[:-1] + f", {change}}}")
    assert read_place(folder, "host") is None
    sweep(folder)
    end_host(tmp_path)


def test_what_a_process_that_was_killed_while_it_wrote_left_is_swept_away(tmp_path: Path) -> None:
    folder = private_folder(tmp_path)
    program = """
import os, signal, sys
from pathlib import Path
from jupyter_ssh.pages.rendezvous import PlaceFile, publish
os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
publish(Path(sys.argv[1]), PlaceFile("kernel-1", "", 1, 1, "node", bytes(32)))
"""
    subprocess.run([sys.executable, "-c", program, str(folder)], check=False, timeout=60)
    (left,) = folder.iterdir()
    sweep(folder)
    assert left.exists(), "it could be in use"
    os.utime(left, (1, 1))
    sweep(folder)
    assert not left.exists()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", "a.json", "a\0b", "-", "a--b", "ä", "x" * 129, "a\n"]
)
def test_what_is_no_name_of_a_place(tmp_path: Path, name: str) -> None:
    assert not valid_place(name)
    assert read_place(private_folder(tmp_path), name) is None


NOBODY = 65534
AS_NOBODY = f"import os, socket, sys\nos.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"


async def as_nobody(code: str, *arguments: str) -> list[str]:
    """The words that ``code`` prints as another user."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", AS_NOBODY + code, *arguments, stdout=subprocess.PIPE, cwd="/"
    )
    answer, _ = await process.communicate()
    return answer.decode().split()


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can be somebody else")
async def test_another_user_can_neither_read_nor_connect() -> None:
    """Even where all folders above are open to everybody, as in a careless home."""
    top = Path(tempfile.mkdtemp())
    top.chmod(0o755)
    place = Place("kernel-1")
    try:
        place.listener = await Listener.start(place.connected, "kernel-1", top)
        file, path = top / FOLDER / "kernel-1.json", place.listener.file.path
        code = (
            "def refused(action, *arguments):\n"
            "    try: action(*arguments)\n"
            "    except PermissionError: return True\n"
            "    return False\n"
            "print(refused(open, sys.argv[1]), refused(socket.socket(socket.AF_UNIX).connect, sys.argv[2]))\n"
        )
        assert await as_nobody(code, str(file), path) == ["True", "True"]
        # And if the folder were open, the kernel would still see who it is.
        (top / FOLDER).chmod(0o755)
        Path(path).chmod(0o666)
        code = (
            "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(20)\n"
            "try: s.sendall(b'jssh-t2\\nr' + bytes(32)); print(len(s.recv(32)))\n"
            "except ConnectionError: print(0)\n"
        )
        assert await as_nobody(code, path) == ["0"]
    finally:
        await place.close()
        shutil.rmtree(top)
