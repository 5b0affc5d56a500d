"""SSH in Jupyter.

Importing this package starts nothing and loads almost nothing: its names are imported at first use.
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
    """``%load_ext jupyter_ssh``: register the magics."""
    from jupyter_ssh import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext jupyter_ssh``: remove the magics and close what they opened."""
    from jupyter_ssh import magics

    magics.unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell a Jupyter server where its extension is, which connects pages with terminals."""
    return [{"module": "jupyter_ssh.bridge"}]
