"""The magics, one file each.  Loading registers them and imports nothing of the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAGICS = (
    ("ssh", "line_cell", "jupyter_ssh.magics.ssh"),
    ("ssh_terminal", "line", "jupyter_ssh.magics.ssh_terminal"),
    ("ssh_keygen", "line_cell", "jupyter_ssh.magics.ssh_keygen"),
    ("ssh_add", "line", "jupyter_ssh.magics.ssh_add"),
    ("ssh_hosts", "line", "jupyter_ssh.magics.ssh_hosts"),
    ("ssh_close", "line", "jupyter_ssh.magics.ssh_close"),
)
"""The magics: (name, kind for IPython's register_magic_function, module); the function has the magic's name."""


def load(shell: InteractiveShell) -> None:
    """Register the magics and the completion of their lines; warn of another package with this one's import name."""
    import sys

    from jupyter_ssh.installation import foreign_package
    from jupyter_ssh.magics import completion
    from jupyter_ssh.magics.registration import make_magic

    register: Any = shell.register_magic_function  # some releases of IPython type it, incorrectly
    for name, kind, module in MAGICS:
        register(make_magic(shell, name, module), kind, name)
    completion.install(shell)
    if (warning := foreign_package()) is not None:
        print(f"jupyter_ssh: {warning}", file=sys.stderr)


def unload(shell: InteractiveShell) -> None:
    """Remove the magics and the completion, and close the connections that the magics opened."""
    import sys

    from jupyter_ssh.magics import completion

    completion.remove(shell)
    registered: dict[str, dict[str, Any]] = shell.magics_manager.magics
    for name, _, _ in MAGICS:
        for functions in registered.values():
            functions.pop(name, None)
    if (place := sys.modules.get("jupyter_ssh.kernel.place.running")) is not None:
        place.stop_place()
    if (registry := sys.modules.get("jupyter_ssh.kernel.connections.registry")) is not None:
        known = registry.get_connections().entries()
        opened = [connection for entry, connection in known.items() if entry.by_magic]
        registry.get_connections().close(opened, for_all=True)
