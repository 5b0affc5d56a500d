"""The host process: one of its own for terminals without a notebook, which outlives the server that started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from jupyter_ssh.kernel.place.host_process import ABANDONED_SECONDS, IDLE_SECONDS, Lifetime
from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, end_host, read_place
from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote
from tests.support.jupyter import page, running_server
from tests.support.processes import is_over, wait_until


async def test_a_terminal_without_a_notebook_and_a_restart_of_the_server(tmp_path: Path, remote: Remote) -> None:
    config = write_config(tmp_path, box=remote)
    # Nothing is known of the host: the page is asked whether its key is the right one.
    config.write_text(config.read_text().replace(str(remote.known_hosts), str(tmp_path / "known_hosts")))
    env = environment(tmp_path, config)
    # What lies in the home is not taken for Python's own.
    (Path(env["HOME"]) / "secrets.py").write_text("raise SystemExit('not this one')\n")
    with running_server(tmp_path, env, keep_host=True) as jupyter:
        assert jupyter.request("POST", "jupyter-ssh/api/host") == {"place": "host"}
        place = read_place(jupyter.runtime / FOLDER, HOST_PLACE)
        assert place is not None
        assert jupyter.request("POST", "jupyter-ssh/api/host") == {"place": "host"}
        assert read_place(jupyter.runtime / FOLDER, HOST_PLACE) == place, "there is one host"
        process = psutil.Process(place.pid)
        assert process.cwd() == env["HOME"]
        assert os.getsid(place.pid) == place.pid, "what ends the server leaves it alone"
        maps = Path(f"/proc/{place.pid}/maps")
        assert not maps.exists() or "zmq" not in maps.read_text()
        async with page(jupyter, "host") as first:
            await first.send("terminals.hosts", request=7)
            listed = (await first.expect("terminals.hosts", request=7))["hosts"]
            assert {"name": "box", "source": "ssh_config"} in listed
            await first.send("terminals.open", request=1, host="box", command=None, options={}, rows=30, cols=100)
            session = (await first.expect("terminals.opened", request=1))["session"]
            stream = await first.attach(session, rows=30, cols=100)
            question = await first.expect("questions.question", kind="host-key")
            assert question["sha256"] == remote.host_key_fingerprint
            await first.send("questions.answer", question=question["question"], answer="yes")
            await first.type(stream, "stty size; PS1=; echo kept over $((3 - 2)) restart\r")
            await first.shown(stream, b"30 100\r\n")
            await first.shown(stream, b"kept over 1 restart\r\n")
            before = bytes(stream.output)
        [told] = jupyter.request("GET", "jupyter-ssh/api/terminals")["places"]
        assert (told["place"], told["sessions"][0]["session"]) == ("host", session)
    assert process.is_running()
    with running_server(tmp_path, env) as jupyter:
        async with page(jupyter, "host") as second:
            assert second.welcome["start"] == told["start"]
            stream = await second.attach(session, viewer="after the restart", rows=30, cols=100)
            await second.until(lambda: len(stream.output) >= len(before))
            assert stream.output.startswith(before)
            await second.type(stream, "echo $((6 * 7))\r")
            await second.shown(stream, b"42\r\n")
            await second.send("terminals.end", session=session)
            await second.expect("terminals.gone", session=session)
        end_host(jupyter.runtime)
        wait_until(lambda: is_over(process), "the host ends")
        assert read_place(jupyter.runtime / FOLDER, HOST_PLACE) is None
        assert jupyter.request("POST", "jupyter-ssh/api/host") == {"place": "host"}, "and may be started again"


def test_a_second_host_gives_way(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jupyter_ssh.kernel.place.host_process", str(tmp_path)]
    first = subprocess.Popen(command)
    try:
        place = wait_until(lambda: read_place(tmp_path / FOLDER, HOST_PLACE), "the host listens")
        assert subprocess.run(command, timeout=60).returncode == 0
        assert read_place(tmp_path / FOLDER, HOST_PLACE) == place
    finally:
        first.terminate()
        assert first.wait(60) == 0
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"host.lock"}


@pytest.mark.parametrize(
    ("in_use", "pages", "servers", "after"),
    [
        (False, 0, 1, IDLE_SECONDS),
        (False, 0, 0, IDLE_SECONDS),
        (False, 1, 1, None),
        (False, 1, 0, None),
        (True, 0, 1, None),
        (True, 0, 0, ABANDONED_SECONDS),
    ],
)
def test_how_long_it_lives(in_use: bool, pages: int, servers: int, after: float | None) -> None:
    lifetime = Lifetime(0.0)
    now = 0.0
    while now < 2 * ABANDONED_SECONDS and not lifetime.over(now, in_use=in_use, pages=pages, servers=servers):
        now += 1.0
    assert now == (after or 2 * ABANDONED_SECONDS)
