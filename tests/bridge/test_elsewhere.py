"""A kernel whose private socket the server cannot reach: its terminals come over the kernel's own channels."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from jupyter_ssh.pages.frames import encode_data
from jupyter_ssh.pages.rendezvous import FOLDER
from tests.bridge.conftest import OPEN, START
from tests.support.jupyter import JupyterServer, ServerKernel, page

RAW_CAT = "stty raw -echo; printf ready; exec cat"
PRINTING = "while True: print('x' * 80)"


def hide(kernel: ServerKernel) -> ServerKernel:
    """Start its service, and let it be as if on another machine."""
    kernel.run(START)
    (kernel.server.runtime / FOLDER / f"{kernel.id}.json").unlink()
    return kernel


@pytest.fixture(scope="module")
def kernel(jupyter: JupyterServer) -> Iterator[ServerKernel]:
    started = jupyter.start_kernel()
    started.run(OPEN)
    yield hide(started)
    started.stop()


def new_session(kernel: ServerKernel, command: str | None = None) -> str:
    # The last line: before it the cell may say that the server allows no more sessions on one connection.
    return kernel.run(f"print(open_terminal({command!r}))")["text"].split()[-1]


async def test_what_is_typed_is_answered_also_while_a_cell_prints_megabytes(
    jupyter: JupyterServer, kernel: ServerKernel
) -> None:
    session = new_session(kernel)
    async with page(jupyter, kernel.id) as first:
        assert (first.welcome["place"], first.welcome["through"]) == (kernel.id, "channels")
        stream = await first.attach(session)
        kernel.begin(PRINTING)
        while jupyter.request("GET", f"api/kernels/{kernel.id}")["execution_state"] != "busy":
            await asyncio.sleep(0.01)
        for number in range(5):
            await first.type(stream, f"echo $((6 * 7)) {number}\r")
            await first.shown(stream, b"42 %d\r\n" % number)
        async with page(jupyter, kernel.id) as second:  # who joins meanwhile is greeted
            assert second.welcome["start"] == first.welcome["start"]
        kernel.interrupt()
    kernel.client.get_shell_msg(timeout=30)


async def test_megabytes_come_and_go_whole(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel, RAW_CAT)
    typed = random.Random(1).randbytes(1_500_000)
    async with page(jupyter, kernel.id) as first:
        stream = await first.attach(session)
        await first.shown(stream, b"ready")
        while stream.typed < len(typed):
            await first.type(stream, typed[stream.typed : stream.typed + 60_000])
            await first.until(lambda: stream.end >= 5 + stream.typed)
        assert bytes(stream.output) == b"ready" + typed


@pytest.mark.parametrize("message", ["{", "{}", '{"type": 3}', encode_data(1, 0, b"x"), b"\0" * 13])
async def test_garbage_ends_the_connection_and_no_session(
    jupyter: JupyterServer, kernel: ServerKernel, message: str | bytes
) -> None:
    session = new_session(kernel, RAW_CAT)
    async with page(jupyter, kernel.id) as good, page(jupyter, kernel.id, hello=False) as bad:
        stream = await good.attach(session)
        await bad.socket.write_message(message, binary=isinstance(message, bytes))
        assert await bad.closed() == 4400
        await good.type(stream, "alive")
        await good.shown(stream, b"alive")


async def test_the_end_of_the_kernel_is_told(jupyter: JupyterServer) -> None:
    own = hide(jupyter.start_kernel())
    async with page(jupyter, own.id) as first:
        jupyter.request("POST", f"api/kernels/{own.id}/restart")
        assert await first.closed() == 4410
    async with page(jupyter, own.id, hello=False) as second:  # which has no terminals now
        assert await second.closed() == 4404
    assert "UNKNOWN CONTROL MESSAGE TYPE" not in jupyter.log.read_text(), "it is asked in words that it knows"
    hide(own)
    async with page(jupyter, own.id) as third:
        jupyter.request("DELETE", f"api/kernels/{own.id}")
        assert await third.closed() == 4410
    own.stop()


async def test_unloading_the_extension_closes_its_pages(jupyter: JupyterServer) -> None:
    own = jupyter.start_kernel()
    own.run("%load_ext jupyter_ssh")
    hide(own)
    async with page(jupyter, own.id) as first:
        own.run("%unload_ext jupyter_ssh")
        assert await first.closed() == 4404
    own.stop()
