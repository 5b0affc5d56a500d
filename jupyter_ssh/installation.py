"""How this package is installed, and what to say where the other package of its import name is installed too."""

from __future__ import annotations

from typing import Final

DISTRIBUTION: Final = "jupyterlab-ssh"
"""What pip calls this package; its import name is ``jupyter_ssh``."""
FOREIGN: Final = "jupyter-ssh"
"""A distribution of another project. Its import name is ours, too."""


def foreign_package() -> str | None:
    """Return what to say where FOREIGN is installed beside this package; None where it is not."""
    from importlib import metadata  # on first use: it is slow to import

    try:
        version = metadata.version(FOREIGN)
    except metadata.PackageNotFoundError:
        return None
    return (
        f"{FOREIGN} {version} is installed here as well. It is another project's package, with the same import name as"
        f" {DISTRIBUTION}: jupyter_ssh. Each overwrites files of the other. Remove both and install this one again:"
        f" pip uninstall --yes {FOREIGN} {DISTRIBUTION}, then pip install {DISTRIBUTION}"
    )
