"""What the server asks places itself: the announcement of one service, where there is one."""

from __future__ import annotations

from pathlib import Path

from jupyter_ssh.bridge.places import ask
from jupyter_ssh.pages.place import Place
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
