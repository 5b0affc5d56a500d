"""SSH in Jupyter.

Importing this package starts nothing and loads almost nothing: its names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_ssh.kernel import connect, connect_async

__all__ = ["__version__", "connect", "connect_async", "load_ipython_extension", "unload_ipython_extension"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("connect", "connect_async"):
        from jupyter_ssh import kernel

        return getattr(kernel, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; called by ``%load_ext jupyter_ssh``."""
    from jupyter_ssh import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Remove the magics and close what they opened; called by ``%unload_ext jupyter_ssh``."""
    from jupyter_ssh import magics

    magics.unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Return the module of the Jupyter server extension, which connects pages to terminals."""
    return [{"module": "jupyter_ssh.bridge"}]
