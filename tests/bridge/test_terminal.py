"""A terminal, from a page through a real Jupyter server and a real kernel to a shell."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

import pytest

from jupyter_ssh.pages.frames import encode_data
from jupyter_ssh.pages.rendezvous import FOLDER
from tests.support.jupyter import SECONDS, JupyterServer, ServerKernel, Stream, page

START = "import jupyter_ssh.kernel.terminals.starting as starting; starting.start_service();"
RAW_CAT = "stty raw -echo; printf ready; exec cat"


def new_session(kernel: ServerKernel, command: str | None = None) -> str:
    # The last line: before it the cell may say that the server allows no more sessions on one connection.
    return kernel.run(f"print(open_terminal({command!r}))")["text"].split()[-1]


async def test_what_is_typed_is_answered_by_the_shell(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel)
    async with page(jupyter, kernel.id) as first:
        assert first.welcome["place"] == kernel.id
        described = {each["session"]: each for each in first.welcome["services"]["terminals"]["sessions"]}[session]
        assert (described["state"], described["host"], described["wanted"]) == ("open", "box", True)
        stream = await first.attach(session)
        await first.type(stream, "echo $((6 * 7)) $TERM; stty size\r")
        await first.shown(stream, b"42 xterm-256color\r\n24 80\r\n")


def test_rest_lists_the_sessions(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel)
    places = jupyter.request("GET", "jupyter-ssh/api/terminals")["places"]
    [place] = [each for each in places if each["place"] == kernel.id]
    assert session in [each["session"] for each in place["sessions"]]
    assert place["start"]


@pytest.mark.parametrize("cell", ["import time; time.sleep(3600)", "while True: pass", "while True: print('x' * 80)"])
async def test_the_terminal_is_alive_while_a_cell_runs(jupyter: JupyterServer, kernel: ServerKernel, cell: str) -> None:
    session = new_session(kernel)
    async with page(jupyter, kernel.id) as first:
        stream = await first.attach(session)
        kernel.begin(cell)
        while jupyter.request("GET", f"api/kernels/{kernel.id}")["execution_state"] != "busy":
            await asyncio.sleep(0.01)
        await first.type(stream, "echo $((6 * 7))\r")
        await first.shown(stream, b"42\r\n")
        assert jupyter.request("GET", f"api/kernels/{kernel.id}")["execution_state"] == "busy"
        kernel.interrupt()
    kernel.client.get_shell_msg(timeout=SECONDS)


async def test_nothing_is_lost_over_cuts_of_the_websocket(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel, RAW_CAT)
    chance = random.Random(1)
    typed = chance.randbytes(300_000)
    output, sent, acked = b"", 0, 0
    async with page(jupyter, kernel.id) as visitor:
        await visitor.shown(await visitor.attach(session, viewer="other"), b"ready")
    while len(output) < 5 + len(typed):
        async with page(jupyter, kernel.id) as visitor:
            stream = await visitor.attach(session, viewer="one", have=len(output) if output else None, typed=acked)
            stream.typed = sent = stream.attached[0]["input"]
            for _ in range(chance.randint(1, 12)):
                if sent < len(typed):
                    await visitor.type(stream, typed[sent : sent + 4000])
                sent = stream.typed
                if chance.random() < 0.5 and stream.end < sent:
                    await visitor.read()
            if sent == len(typed):
                await visitor.until(lambda stream=stream: stream.end >= 5 + len(typed))
            output += bytes(stream.output)[len(output) - stream.first :]
            acked = max([acked, *(frame["offset"] for frame in visitor.frames if frame["type"] == "terminals.input")])
    assert output == b"ready" + typed


async def test_the_close_of_one_page_is_no_matter_for_another(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel, RAW_CAT)
    async with page(jupyter, kernel.id) as good, page(jupyter, kernel.id) as bad:
        stream = await good.attach(session, viewer="good")
        await good.shown(stream, b"ready")
        await bad.attach(session, viewer="bad")
        bad.socket.protocol.stream.close()
        bad.over = True
        await good.expect("terminals.session")
        await good.type(stream, "still here")
        await good.shown(stream, b"still here")


BAD = {
    "text that is no JSON": "{",
    "a control frame without a type": "{}",
    "data before hello": encode_data(1, 0, b"x"),
    "half a data frame": b"\0\0\0",
    "an empty data frame": encode_data(1, 0, b""),
    "too much data": encode_data(1, 0, bytes(65_537)),
    "a large control frame": json.dumps({"type": "terminals.title", "title": "x" * 70_000}),
    "another first frame": json.dumps({"type": "terminals.attach"}),
    "nothing at all": b"",
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD.keys())
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


@pytest.mark.parametrize("after", [b"\0" * 70_000, "[]", "{", '{"type": 3}'], ids=["too much", "list", "half", "3"])
async def test_garbage_after_hello(jupyter: JupyterServer, kernel: ServerKernel, after: str | bytes) -> None:
    async with page(jupyter, kernel.id) as bad:
        await bad.socket.write_message(after, binary=isinstance(after, bytes))
        assert await bad.closed() == 4400


async def test_a_page_of_another_version(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    async with page(jupyter, kernel.id, hello=False) as old:
        await old.send("hello", version=0, client="an older page")
        assert (await old.expect("error"))["code"] == "version"
        assert await old.closed() == 4409


async def test_wrong_offsets_are_answered(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel, RAW_CAT)
    async with page(jupyter, kernel.id) as first:
        stream = await first.attach(session)
        await first.send("terminals.ack", stream=1, offset=10_000)
        assert (await first.expect("error"))["code"] == "bad-offset"
        stream.typed = 100
        await first.type(stream, "gap")
        assert (await first.expect("error"))["code"] == "bad-offset"
        assert (await first.expect("terminals.input"))["offset"] == 0
        stream.typed = 0
        await first.type(stream, "whole")
        await first.shown(stream, b"whole")


async def test_a_kernel_that_dies_and_one_that_is_restarted(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    dying = jupyter.start_kernel()
    dying.run(START)
    pid = int(dying.run("import os; print(os.getpid())")["text"])
    file = jupyter.runtime / FOLDER / f"{dying.id}.json"
    assert file.exists()
    async with page(jupyter, dying.id) as first:
        os.kill(pid, signal.SIGKILL)
        assert await first.closed() == 4410
    dying.stop()
    restarted = jupyter.start_kernel()
    restarted.run(START)
    assert not file.exists(), "the next kernel sweeps what a dead one left"
    async with page(jupyter, restarted.id) as first:
        jupyter.request("POST", f"api/kernels/{restarted.id}/restart")
        assert await first.closed() == 4410
    async with page(jupyter, restarted.id, hello=False) as second:
        assert await second.closed() == 4404
    restarted.stop()


async def test_unloading_the_extension_closes_its_pages(jupyter: JupyterServer) -> None:
    own = jupyter.start_kernel()
    own.run("%load_ext jupyter_ssh\n" + START)
    async with page(jupyter, own.id) as first:
        own.run("%unload_ext jupyter_ssh")
        assert await first.closed() == 4404
    assert not list((jupyter.runtime / FOLDER).glob(f"{own.id}*"))
    own.stop()


async def test_a_flood_goes_through_as_it_is(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    count = 400_000
    session = new_session(kernel, f"stty -echo; echo ready; read go; seq -f '%.0f is a line of a flood' 1 {count}")
    async with page(jupyter, kernel.id) as first:
        stream: Stream = await first.attach(session)
        await first.shown(stream, b"ready\r\n")
        await first.type(stream, "\r")
        last = b"%d is a line of a flood\r\n" % count
        size = len(b"ready\r\n") + sum(len(b"%d is a line of a flood\r\n" % number) for number in range(1, count + 1))
        await first.until(lambda: stream.end == size)
        assert stream.output.endswith(last)
        assert stream.output.count(b"\n") == 1 + count
