"""The host: a process of its own for terminals without a notebook, which outlives the server that started it."""

from __future__ import annotations

from tests.support.jupyter import JupyterServer, page


async def test_a_terminal_without_a_notebook(jupyter: JupyterServer) -> None:
    assert jupyter.request("POST", "jupyter-ssh/api/host") == {"place": "host"}
    async with page(jupyter, "host") as first:
        await first.send("open", request=1, host="box", command=None, options={}, rows=30, cols=100)
        session = (await first.expect("opened", request=1))["session"]
        stream = await first.attach(session, rows=30, cols=100)
        await first.type(stream, "stty size\r")
        await first.shown(stream, b"30 100\r\n")
        await first.send("end", session=session)
        await first.expect("gone", session=session)
