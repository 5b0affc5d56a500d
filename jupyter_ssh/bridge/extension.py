"""What the extension adds to a Jupyter server: its addresses, and the keeper of the host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from jupyter_ssh.bridge.channels import ChannelsHandler
from jupyter_ssh.bridge.host import HostKeeper
from jupyter_ssh.bridge.places import KEEPER, Places
from jupyter_ssh.bridge.rest import HostHandler, TerminalsHandler
from jupyter_ssh.kernel.terminals.rendezvous import HOST_VARIABLE

PREFIX = "jupyter-ssh"
PLACE_PATTERN = r"(?P<place>host|[0-9A-Za-z_]+(?:-[0-9A-Za-z_]+){4})"
"""Kernel ids as jupyter_server makes them, and the host. Whatever else stands there is no address of ours."""


def load(server: Any) -> None:
    """Add the extension to ``server``, a ServerApp."""
    app = server.web_app
    keeper = HostKeeper(Path(os.environ.get(HOST_VARIABLE) or server.runtime_dir))
    app.settings[KEEPER] = Places(Path(server.runtime_dir), keeper)
    base = app.settings["base_url"]
    app.add_handlers(
        ".*$",
        [
            (url_path_join(base, PREFIX, "channels", PLACE_PATTERN), ChannelsHandler),
            (url_path_join(base, PREFIX, "api", "terminals"), TerminalsHandler),
            (url_path_join(base, PREFIX, "api", "host"), HostHandler),
        ],
    )
    # A host that a former server has started gets to know that there is a server again.
    server.io_loop.add_callback(keeper.adopt)
    server.log.info("jupyter_ssh: terminals are served at %s", url_path_join(base, PREFIX))
