"""The REST API: listing the terminal sessions, and starting the host process."""

from __future__ import annotations

import asyncio
import json

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_ssh.bridge.places import PLACES_SETTING, Places, allowed, ask
from jupyter_ssh.pages.rendezvous import HOST_PLACE
from jupyter_ssh.ssh.errors import SSHError


class TerminalsHandler(APIHandler):
    """``GET jupyter-ssh/api/terminals``: the sessions of all places that the user may use."""

    auth_resource = "kernels"

    @web.authenticated
    async def get(self) -> None:
        """Ask all places at once, and answer with their sessions; a place that does not answer is left out."""
        places: Places = self.settings[PLACES_SETTING]
        names = [HOST_PLACE] if await allowed(self, HOST_PLACE) else []
        kernels = self.kernel_manager
        ids = list(kernels.list_kernel_ids())
        if ids and await allowed(self, ids[0]):
            names += ids
        found = [file for name in names if (file := places.find(name, kernels)) is not None]
        answers = await asyncio.gather(*(ask(file, "terminals") for file in found))
        listed = [
            {"place": file.place, "start": answer.start, "sessions": answer.members.get("sessions", [])}
            for file, answer in zip(found, answers, strict=True)
            if answer is not None
        ]
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"places": listed}))


class HostHandler(APIHandler):
    """``POST jupyter-ssh/api/host``: starts the host process if it does not run."""

    auth_resource = "terminals"

    @web.authenticated
    @authorized("execute")  # type: ignore[untyped-decorator,unused-ignore]
    async def post(self) -> None:
        """Start the host process if need be, and answer once it accepts connections."""
        places: Places = self.settings[PLACES_SETTING]
        try:
            await places.host_process.ensure()
        except (SSHError, OSError) as error:
            self.log.error("jupyter_ssh: %s", error)
            raise web.HTTPError(500, reason="The process for terminals did not start") from None
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"place": HOST_PLACE}))
