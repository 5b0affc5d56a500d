"""The notebook of the demo: the original, the user's copy, and running it without a browser."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

NAME = "quickstart.ipynb"
CELL_SECONDS = 120
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def shipped_notebook() -> Path:
    """Return the notebook that came with the package.  Raises ``FileNotFoundError``."""
    package = Path(__file__).resolve().parents[2]
    # Beside the code in an installed package, beside the package in a working copy.
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / NAME).is_file():
            return folder / NAME
    raise FileNotFoundError(f"{NAME} is missing from the installation")


def own_copy(folder: Path) -> tuple[Path, bool]:
    """Return the user's copy in ``folder`` and whether it differs from ours; an existing one is never overwritten."""
    source, copy = shipped_notebook(), folder / NAME
    try:
        with copy.open("xb") as file:  # "x": create only if missing
            file.write(source.read_bytes())
    except FileExistsError:
        return copy, copy.read_bytes() != source.read_bytes()
    return copy, False


def kernel_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Jupyter's ``python3`` kernel is this interpreter."""
    return {**os.environ, **variables, "JUPYTER_PREFER_ENV_PATH": "1"}


def check(path: Path, variables: Mapping[str, str], out: TextIO) -> int:
    """Run the notebook, printing each cell and its output; return 0, or 1 after an error.

    The files it writes and its history go to a temporary folder.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook: Any = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call]
    printer = _Printer(out)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jupyter_ssh_check_") as folder:
        environment = kernel_environment({**variables, "IPYTHONDIR": folder})
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            extra_arguments=["--IPKernelApp.log_level=40"],  # its remarks about transports are not useful here
            resources={"metadata": {"path": folder}},
            on_cell_executed=lambda cell, cell_index, execute_reply: printer.code(cell),
            on_cell_start=lambda cell, cell_index: printer.text(cell),
        )
        try:
            client.execute(env=environment)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            if not isinstance(error, CellExecutionError):
                out.write(f"{error}\n")
            out.write(f"{path.name}: failed in cell {printer.cells}, after {time.monotonic() - started:.1f} s.\n")
            return 1
    out.write(f"{path.name}: {printer.cells} cells ran in {time.monotonic() - started:.1f} s, no error.\n")
    return 0


class _Printer:
    """Writes cells as plain text, with colours only for a terminal."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._colours = out.isatty()
        self.cells = 0

    def text(self, cell: Any) -> None:
        """Print a text cell."""
        if cell.cell_type == "markdown":
            self._write(cell.source + "\n\n")

    def code(self, cell: Any) -> None:
        """Print a code cell after it ran."""
        self.cells += 1
        lines = cell.source.split("\n")
        self._write(f"In [{cell.execution_count or ' '}]: " + "\n        ".join(lines) + "\n")
        text = ""
        for output in cell.outputs:
            # One print() may arrive as several stream outputs: they belong on one line.
            if output.output_type != "stream":
                text = _line(text)
            text += self._output(output)
        self._write(_line(text) + "\n")

    def _output(self, output: Any) -> str:
        if output.output_type == "stream":
            return str(output.text)
        if output.output_type == "error":
            return _line("\n".join(output.traceback))
        return _line(str(output.data.get("text/plain", "")))

    def _write(self, text: str) -> None:
        self._out.write(text if self._colours else _ANSI.sub("", text))
        self._out.flush()


def _line(text: str) -> str:
    """Return ``text`` with a newline at its end, unless it is empty."""
    return text if text.endswith("\n") or not text else text + "\n"


def missing_programs(*modules: str) -> list[str]:
    """Return those of ``modules`` that are not installed."""
    from importlib.util import find_spec

    return [name for name in modules if find_spec(name) is None]


def lab_command(notebook: Path, *, browser: bool, port: int | None) -> list[str]:
    """Return the command line that starts JupyterLab with ``notebook``, with this interpreter."""
    words = [sys.executable, "-m", "jupyterlab", str(notebook)]
    # The address that JupyterLab prints should lead to the notebook too, if it is opened elsewhere.
    words.append(f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}")
    words += [] if browser else ["--no-browser"]
    words += [] if port is None else [f"--ServerApp.port={port}"]
    # In a container the user is often root, which Jupyter would refuse.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words
