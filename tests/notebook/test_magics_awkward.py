"""Cells with servers that are awkward: silent about requests, or gone when the command has ended."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pair.awkward_server import AwkwardServer, answers_nothing, gone_at_the_end, on_a_thread


def line(server: AwkwardServer, folder: Path, *words: str) -> str:
    """The magic's words for the server."""
    return " ".join(["%ssh", *words, *server.words(folder)])


def test_the_connection_ends_when_the_command_has_ended(kernel, tmp_path):
    with on_a_thread(gone_at_the_end(0)) as server:
        for _ in range(2):
            cell = kernel.run(f"result = {line(server, tmp_path)} true")
            assert cell.error is None, cell.traceback
            assert cell.stdout == "output\n"
            said = re.search(r"the command has ended; after that the connection was lost: (.*)\n", cell.stderr)
            assert said is not None
            assert "lost" not in said[1]
            assert kernel.value("(result.exit_status, result.stdout)") == (0, b"output\n")
        cell = kernel.run("%%ssh\ntrue")
        assert (cell.error, cell.stdout) == (None, "output\n")
        assert "; the previous connection was lost at " in cell.stderr
        kernel.run("%ssh_close --all")


def test_no_request_is_answered(kernel, tmp_path):
    with on_a_thread(answers_nothing(0)) as server:
        cell = kernel.run(f"{line(server, tmp_path)} true")
        assert (cell.error, cell.stdout) == (None, "output\n")
        kernel.run("%ssh_close --all")
