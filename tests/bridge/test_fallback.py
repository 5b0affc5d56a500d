"""The fallback transport in real kernels: ipykernel's oldest and newest, while cells run, with messages lost."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_ssh.pages.frames import decode_data, encode_data
from jupyter_ssh.pages.limits import VERSION
from tests.notebook.kernels import Kernel, ipykernel_6, running_kernel, write_config
from tests.notebook.remotes import Remote
from tests.support.processes import wait_until

SECONDS = 90
HELLO = {"type": "hello", "version": VERSION, "client": "test", "services": ["terminals", "questions"]}


class FallbackPage:
    """The page's end of the transport, over the channels of a blocking client."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.id = secrets.token_hex(8)
        self.received = 0
        self.seq = 0
        self.frames: list[dict[str, Any]] = []
        self.output = bytearray()
        self.typed = 0
        self.lose: Callable[[int], bool] = lambda seq: False
        """Whether to lose a message with this number, as a Jupyter server may."""
        self.lost = 0
        self.close_code: int | None = None

    def send(self, *frames: dict[str, Any] | bytes) -> None:
        """One message; bytes are data frames."""
        buffers = [frame for frame in frames if isinstance(frame, bytes)]
        listed = [buffers.index(frame) if isinstance(frame, bytes) else frame for frame in frames]
        self.seq += bool(frames)
        content = {
            "connection": self.id,
            "seq": self.seq if frames else 0,
            "ack": self.received,
            "frames": listed,
        }
        client = self.kernel.client
        message = client.session.msg("jupyter_ssh_frames", content)
        message["buffers"] = buffers
        client.control_channel.send(message)

    def type(self, text: str) -> None:
        data = text.encode()
        self.send(encode_data(1, self.typed, data))
        self.typed += len(data)

    def read(self) -> None:
        """Take one message of the kernel, if there is one soon."""
        try:
            message = self.kernel.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            self.send()
            return
        content = message["content"]
        if message["header"]["msg_type"] != "comm_msg" or content["comm_id"] != f"jupyter-ssh-{self.id}":
            return
        data = content["data"]
        assert data["connection"] == self.id
        if "close" in data:
            self.close_code = data["close"]
        if data["seq"] == 0 or data["seq"] <= self.received:
            return
        if self.lose(data["seq"]):
            self.lost += 1
            return
        if data["seq"] != self.received + 1:
            return
        self.received = data["seq"]
        for frame in data["frames"]:
            if isinstance(frame, int):
                part = decode_data(bytes(message["buffers"][frame]))
                assert part.offset == len(self.output)
                self.output += part.payload
            else:
                self.frames.append(frame)
        self.send(*([{"type": "terminals.ack", "stream": 1, "offset": len(self.output)}] if self.attached else []))

    @property
    def attached(self) -> bool:
        return any(frame["type"] == "terminals.attached" for frame in self.frames)

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (value := condition()):
            assert time.monotonic() < end, (self.frames[:2], self.frames[-3:], bytes(self.output[-200:]))
            self.read()
        return value

    def expect(self, kind: str) -> dict[str, Any]:
        return self.until(lambda: next((frame for frame in self.frames if frame["type"] == kind), None))

    def attach(self, session: str) -> None:
        self.send(HELLO)
        self.expect("welcome")
        self.send(
            {
                "type": "terminals.attach",
                "stream": 1,
                "session": session,
                "viewer": "v",
                "rows": 24,
                "cols": 80,
                "visible": True,
                "have": None,
                "typed": 0,
            }
        )
        self.expect("terminals.attached")


@pytest.fixture(scope="module", params=["newest", "6.29"])
def kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, remote: Remote
) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("fallback")
    packages: Path | None = ipykernel_6() if request.param == "6.29" else None
    with running_kernel(folder, write_config(folder, box=remote), packages=packages) as kernel:
        version = kernel.value("__import__('ipykernel').__version__")
        assert version.startswith("6.29.") is (packages is not None)
        yield kernel


def new_session(kernel: Kernel) -> str:
    shown = kernel.run("t = %ssh_terminal box\nprint(t.session)")
    assert shown.reply["status"] == "ok", shown.reply
    return shown.stdout.strip()


def drained(kernel: Kernel) -> None:
    """Take the reply of a cell that was begun, so that the next finds its own."""
    kernel.client.get_shell_msg(timeout=SECONDS)


def test_a_shell_answers(kernel: Kernel) -> None:
    page = FallbackPage(kernel)
    page.attach(new_session(kernel))
    page.type("echo $((6 * 7))\r")
    page.until(lambda: b"42\r\n" in page.output)


@pytest.mark.parametrize("cell", ["import time; time.sleep(3600)", "while True: pass", "while True: print('x' * 80)"])
def test_it_answers_while_a_cell_runs(kernel: Kernel, cell: str) -> None:
    page = FallbackPage(kernel)
    page.attach(new_session(kernel))
    # An interrupted cell would have what comes next refused for a moment.
    kernel.client.execute(f"print('begun', flush=True)\n{cell}", stop_on_error=False)

    def begun() -> bool:
        message = kernel.client.get_iopub_msg(timeout=SECONDS)
        return message["header"]["msg_type"] == "stream" and "begun" in message["content"]["text"]

    wait_until(begun, "the cell runs")
    page.type("echo $((6 * 7))\r")
    page.until(lambda: b"42\r\n" in page.output)
    kernel.interrupt()
    drained(kernel)


def test_lost_messages_come_again(kernel: Kernel) -> None:
    page = FallbackPage(kernel)
    page.attach(new_session(kernel))
    losing = iter([True, False, True, True, False, False] * 3)
    page.lose = lambda seq: next(losing, False)
    page.type("seq -s, 1 60000; echo END\r")
    page.until(lambda: b"\r\nEND\r\n" in page.output)
    assert ",".join(str(number) for number in range(1, 60_001)).encode() in page.output.replace(b"\r", b"")
    assert page.lost


def test_a_connection_that_the_kernel_does_not_know_is_closed(kernel: Kernel) -> None:
    new_session(kernel)
    page = FallbackPage(kernel)
    page.seq = 7
    page.send(HELLO)
    page.until(lambda: page.close_code)
    assert page.close_code == 4404


def test_garbage_ends_the_connection_and_nothing_else(kernel: Kernel) -> None:
    session = new_session(kernel)
    good, bad = FallbackPage(kernel), FallbackPage(kernel)
    good.attach(session)
    for content in (None, {}, {"connection": 3}, {"connection": ""}):
        message = kernel.client.session.msg("jupyter_ssh_frames", content)
        kernel.client.control_channel.send(message)
    bad.send(HELLO, {"nothing": "known"})
    bad.until(lambda: bad.close_code)
    assert bad.close_code == 4400
    good.type("echo $((6 * 7))\r")
    good.until(lambda: b"42\r\n" in good.output)


def test_the_question_whether_frames_are_understood(kernel: Kernel) -> None:
    session = kernel.client.session
    answers = {}
    for target in ("jupyter_ssh_frames", "no_such_target"):
        message = session.msg("comm_info_request", {"target_name": target})
        kernel.client.control_channel.send(message)
        reply = kernel.client.get_control_msg(timeout=SECONDS)
        while reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            reply = kernel.client.get_control_msg(timeout=SECONDS)
        assert (reply["header"]["msg_type"], reply["content"]["status"]) == ("comm_info_reply", "ok")
        answers[target] = reply["content"]["comms"]
    assert list(answers["jupyter_ssh_frames"]) == ["jupyter_ssh_frames"]
    assert answers["no_such_target"] == {}, "others are answered by ipykernel"
