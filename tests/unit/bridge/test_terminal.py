"""A terminal, from a page through a real Jupyter server and a real kernel to a shell."""

from __future__ import annotations

from tests.support.jupyter import JupyterServer, ServerKernel, page


def new_session(kernel: ServerKernel, command: str | None = None) -> str:
    return kernel.run(f"print(open_terminal({command!r}))")["text"].strip()


async def test_what_is_typed_is_answered_by_the_shell(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    session = new_session(kernel)
    async with page(jupyter, kernel.id) as first:
        assert first.welcome["place"] == kernel.id
        described = {each["session"]: each for each in first.welcome["sessions"]}[session]
        assert (described["state"], described["host"], described["wanted"]) == ("open", "box", True)
        stream = await first.attach(session)
        await first.type(stream, "echo $((6 * 7)) $TERM; stty size\r")
        await first.shown(stream, b"42 xterm-256color\r\n24 80\r\n")
