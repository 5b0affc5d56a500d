"""The places that this server may reach, found by the kernel's id alone, and who may use them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_core.utils import ensure_async

from jupyter_ssh.bridge.relay import connect_place
from jupyter_ssh.pages.frames import CONTROL, Close, decode_control, encode_control
from jupyter_ssh.pages.limits import SERVER_CLIENT, VERSION
from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, RELAY, PlaceFile, read_place, valid_place
from jupyter_ssh.ssh.errors import SSHError

if TYPE_CHECKING:
    from jupyter_server.base.handlers import JupyterHandler

    from jupyter_ssh.bridge.host_process import HostProcess

PLACES_SETTING: Final = "jupyter_ssh_places"
"""The key of the `Places` in the server's settings."""
ASK_SECONDS: Final = 3.0
"""How long a place may take to answer."""


class Places:
    """The places of one server."""

    def __init__(self, runtime: Path, host_process: HostProcess) -> None:
        self.runtime = runtime
        self.host_process = host_process

    def find(self, name: str, kernels: Any) -> PlaceFile | None:
        """Return the place file of ``name``, if that is the host process or a kernel of this server."""
        if not valid_place(name):
            return None
        if name == HOST_PLACE:
            return read_place(self.host_process.runtime / FOLDER, name)
        if name not in kernels:
            return None
        folder = getattr(kernels, "connection_dir", "") or self.runtime
        return read_place(Path(folder) / FOLDER, name)


def resource_of(name: str) -> str:
    """Return the resource for which the user needs the permission "execute" to reach the place."""
    return "terminals" if name == HOST_PLACE else "kernels"


async def allowed(handler: JupyterHandler, name: str) -> bool:
    """Return whether the user of this request has the permission "execute" for the place."""
    user = handler.current_user
    if user is None:
        return False
    answer = handler.authorizer.is_authorized(handler, user, "execute", resource_of(name))
    return bool(await ensure_async(answer))


@dataclass(frozen=True)
class Announced:
    """What a service of a place announces."""

    start: str
    """The `start` of the place."""
    members: dict[str, Any]


async def ask(file: PlaceFile, service: str) -> Announced | None:
    """Return what ``service`` of a place announces; None if it does not answer or has no such service."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[dict[str, Any] | None] = loop.create_future()

    hello = {"type": "hello", "version": VERSION, "client": SERVER_CLIENT, "services": [service]}

    def on_frame(kind: int, body: bytes) -> None:
        if kind == CONTROL and not answer.done():
            try:
                message = decode_control(body)
            except SSHError:
                answer.set_result(None)
            else:
                answer.set_result(message if message["type"] == "welcome" else None)

    def on_end(_: Close | None) -> None:
        if not answer.done():
            answer.set_result(None)

    try:
        connection = await connect_place(file, RELAY, on_frame, on_end)
    except (OSError, SSHError):
        return None
    try:
        connection.send(CONTROL, encode_control(hello))
        welcome = await asyncio.wait_for(answer, ASK_SECONDS)
    except asyncio.TimeoutError:
        return None
    finally:
        connection.close()
    services = welcome.get("services") if welcome is not None else None
    members = services.get(service) if isinstance(services, dict) else None
    if welcome is None or not isinstance(members, dict):
        return None
    return Announced(str(welcome.get("start")), members)
