"""The extension of the Jupyter server: carries the terminals' frames between pages and kernels.

Only this folder imports jupyter_server; nothing else of the package needs it.
"""

from __future__ import annotations

from typing import Any


def _load_jupyter_server_extension(server: Any) -> None:
    """Load the extension; the Jupyter server calls this when it starts."""
    from jupyter_ssh.bridge.extension import load

    load(server)
