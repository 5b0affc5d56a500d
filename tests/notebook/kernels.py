"""A real kernel in a process of its own, driven as a front-end drives it."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.notebook.remotes import Remote
from tests.support.servers import PeerServer

ROOT = Path(__file__).parents[2]
SECONDS = 120  # a cell that takes longer has failed


@dataclass
class Cell:
    """What came of running one cell, in the order of the messages."""

    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    questions: list[tuple[str, bool]] = field(default_factory=list)  # prompt, whether it was asked as a password
    reply: dict[str, Any] = field(default_factory=dict)

    def stream(self, name: str) -> str:
        """All text of "stdout" or "stderr"."""
        return "".join(
            content["text"] for kind, content in self.messages if kind == "stream" and content["name"] == name
        )

    @property
    def stdout(self) -> str:
        return self.stream("stdout")

    @property
    def stderr(self) -> str:
        return self.stream("stderr")

    @property
    def streams(self) -> list[tuple[str, str]]:
        """The stream messages, neighbours of one stream joined."""
        joined: list[tuple[str, str]] = []
        for kind, content in self.messages:
            if kind == "stream":
                if joined and joined[-1][0] == content["name"]:
                    joined[-1] = (content["name"], joined[-1][1] + content["text"])
                else:
                    joined.append((content["name"], content["text"]))
        return joined

    @property
    def result(self) -> dict[str, str] | None:
        """The MIME bundle of the cell's value."""
        return next((content["data"] for kind, content in self.messages if kind == "execute_result"), None)

    @property
    def error(self) -> str | None:
        """The name of the exception the cell ended with."""
        return self.reply.get("ename") if self.reply.get("status") == "error" else None

    @property
    def traceback(self) -> str:
        """The traceback without its colours."""
        return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(self.reply.get("traceback", [])))

    def everything(self) -> str:
        """All that a saved notebook or a log of messages would hold."""
        return repr((self.messages, self.reply))


class Kernel:
    """A running kernel with its client."""

    def __init__(self, manager: KernelManager) -> None:
        self.manager = manager
        self.client = manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def run(
        self,
        code: str,
        *,
        answers: Sequence[str | Callable[[str], str]] = (),
        allow_stdin: bool = True,
        on_text: Callable[[str], None] | None = None,
    ) -> Cell:
        """Run a cell. ``answers`` are typed one after the other; ``on_text`` hears each piece of a stream."""
        cell = Cell()
        left = list(answers)

        def output(message: dict[str, Any]) -> None:
            kind, content = message["header"]["msg_type"], message["content"]
            cell.messages.append((kind, content))
            if kind == "stream" and on_text is not None:
                on_text(content["text"])

        def stdin(message: dict[str, Any]) -> None:
            content = message["content"]
            cell.questions.append((content["prompt"], content["password"]))
            assert left, f"a question too many: {content['prompt']}"
            answer = left.pop(0)
            self.client.input(answer if isinstance(answer, str) else answer(content["prompt"]))

        try:
            reply = self.client.execute_interactive(
                code, allow_stdin=allow_stdin, output_hook=output, stdin_hook=stdin, timeout=SECONDS
            )
        except TimeoutError:
            self.interrupt()  # so that the next test finds a kernel that answers
            raise AssertionError(f"no end after {SECONDS} s; until then: {cell.messages}") from None
        cell.reply = reply["content"]
        assert not left, f"{len(left)} answers nobody asked for: {cell.everything()}"
        return cell

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the kernel, by way of its repr."""
        cell = self.run(f"print(repr(({expression})))")
        assert cell.error is None, cell.traceback
        return ast.literal_eval(cell.stdout)

    def complete(self, code: str) -> list[str]:
        """What Tab offers at the end of ``code``: the whole code with each match put in."""
        reply = self.client.complete(code, len(code), reply=True, timeout=SECONDS)["content"]
        assert reply["cursor_end"] == len(code)
        return [code[: reply["cursor_start"]] + match for match in reply["matches"]]

    def interrupt(self) -> None:
        """What ■ does."""
        self.manager.interrupt_kernel()

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


def write_config(folder: Path, *lines: str, **servers: PeerServer | Remote) -> Path:
    """An ssh_config file with the servers by name; ``lines``, for all of them, win over those below."""
    config = folder / "ssh_config"
    parts = [f"{line}\n" for line in lines]
    parts += [
        f"Host {name}\n"
        f"    HostName {server.host}\n    Port {server.port}\n    User {server.user}\n"
        f"    IdentityFile {server.client_key}\n    IdentitiesOnly yes\n"
        f"    UserKnownHostsFile {server.known_hosts}\n    GlobalKnownHostsFile none\n"
        for name, server in servers.items()
    ]
    config.write_text("".join(parts))
    return config


def environment(folder: Path, config: Path) -> dict[str, str]:
    """A home of its own, in which nothing of the machine's user is found."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "IPYTHON", "PYTEST"))}
    return {
        **kept,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_SSH_CONFIG": str(config),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_DATA_DIR": str(home / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter-runtime"),
        "PYTHONPATH": str(ROOT),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def ipykernel_6() -> Path:
    """The folder with the oldest ipykernel that is supported; it goes before the others on a kernel's path."""
    folder = Path(sys.prefix) / "ipykernel-6"
    if not (folder / "ipykernel").is_dir():
        reason = f"make test puts ipykernel 6.29 into {folder}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder


@contextmanager
def running_kernel(folder: Path, config: Path, *, packages: Path | None = None) -> Iterator[Kernel]:
    """A kernel of this interpreter, with the extension loaded; ``packages`` go before those of the environment."""
    manager = KernelManager()
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv[0] = sys.executable
    env = environment(folder, config)
    if packages is not None:
        env["PYTHONPATH"] = os.pathsep.join((str(packages), env["PYTHONPATH"]))
    manager.start_kernel(env=env, cwd=str(folder))
    kernel = Kernel(manager)
    try:
        cell = kernel.run("%load_ext jupyter_ssh")
        assert cell.error is None, cell.traceback
        yield kernel
    finally:
        kernel.stop()
