"""Loading into a server; what it asks places itself: the announcement of one service, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_ssh.bridge.places import ask
from jupyter_ssh.pages.place import Place
from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote
from tests.support.jupyter import install_foreign, running_server
from tests.support.page.services import Echo


async def test_a_place_tells_what_a_service_announces(tmp_path: Path) -> None:
    echo = Echo()
    echo.count = 3
    place = Place("kernel-1", echo)
    await place.listen(tmp_path)
    assert place.listener is not None
    file = place.listener.file
    told = await ask(file, "echo")
    assert told is not None
    assert (told.start, told.members) == (place.start, {"count": 3})
    assert await ask(file, "terminals") is None
    await place.close()
    assert await ask(file, "echo") is None


def test_the_log_warns_of_another_package_with_this_import_name(tmp_path: Path, remote: Remote) -> None:
    env = environment(tmp_path, write_config(tmp_path, box=remote))
    site = install_foreign(tmp_path / "site")
    env["PYTHONPATH"] = os.pathsep.join([str(site), env["PYTHONPATH"]])
    with running_server(tmp_path, env) as server:
        log = server.log.read_text()
    assert "jupyter-ssh 9.8 is installed here as well" in log
