"""More terminals than a server allows sessions on one connection (sshd_config, MaxSessions)."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import embedded_server
from tests.support.jupyter import page, running_server


async def test_the_tab_that_needs_a_further_connection_is_asked_and_told(tmp_path: Path) -> None:
    with embedded_server(tmp_path, max_sessions=1) as remote:
        config = write_config(tmp_path, box=remote)
        config.write_text(config.read_text() + "\nHost *\n  PreferredAuthentications password\n")
        with running_server(tmp_path, environment(tmp_path, config)) as jupyter:
            assert jupyter.request("POST", "jupyter-ssh/api/host") == {"place": "host"}
            async with page(jupyter, "host") as first:
                for number in (1, 2):
                    await first.send(
                        "terminals.open", request=number, host="box", command=None, options={}, rows=24, cols=80
                    )
                    session = (await first.expect("terminals.opened", request=number))["session"]
                    stream = await first.attach(session, number)
                    about = {"service": "terminals", "session": session}
                    question = await first.expect("questions.question", kind="secret", about=about)
                    await first.send("questions.answer", question=question["question"], answer=remote.password)
                    await first.type(stream, "echo $((6 * 7))\r")
                    await first.shown(stream, b"42\r\n")
                    said = b" allows no more sessions on one connection; another connection was made\r\n"
                    assert bytes(stream.output).count(said) == number - 1
