"""Loading of the extension: it adds its URLs and the host process to a Jupyter server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from jupyter_ssh.bridge.host_process import HostProcess
from jupyter_ssh.bridge.places import PLACES_SETTING, Places
from jupyter_ssh.bridge.rest import HostHandler, TerminalsHandler
from jupyter_ssh.bridge.websocket import PageWebSocket
from jupyter_ssh.installation import foreign_package
from jupyter_ssh.pages.rendezvous import HOST_VARIABLE

PREFIX = "jupyter-ssh"
PLACE_PATTERN = r"(?P<place>host|[0-9A-Za-z_]+(?:-[0-9A-Za-z_]+){4})"
"""Kernel ids as jupyter_server creates them, and the host process; anything else is answered by 404."""


def load(server: Any) -> None:
    """Add the extension to ``server``, a ServerApp."""
    app = server.web_app
    host_process = HostProcess(Path(os.environ.get(HOST_VARIABLE) or server.runtime_dir))
    app.settings[PLACES_SETTING] = Places(Path(server.runtime_dir), host_process)
    base = app.settings["base_url"]
    app.add_handlers(
        ".*$",
        [
            (url_path_join(base, PREFIX, "channels", PLACE_PATTERN), PageWebSocket),
            (url_path_join(base, PREFIX, "api", "terminals"), TerminalsHandler),
            (url_path_join(base, PREFIX, "api", "host"), HostHandler),
        ],
    )
    # A host process that an earlier server started learns that there is a server again.
    server.io_loop.add_callback(host_process.adopt)
    server.log.info("jupyter_ssh: terminals are served at %s", url_path_join(base, PREFIX))
    if (warning := foreign_package()) is not None:
        server.log.warning("jupyter_ssh: %s", warning)
