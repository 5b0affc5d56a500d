"""Servers as child processes: started on a free port, awaited without sleeping, ended with all they started."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

HOST = "127.0.0.1"
POLL = 0.01  # seconds between two looks at a condition
START_SECONDS = 90.0
WORK_SECONDS = 120.0
STOP_SECONDS = 5.0
KILL_SECONDS = 60.0  # for the system to take away what was killed
PORTS = range(20_000, 32_000)  # below those of outgoing connections, on Linux and macOS
PORT_TRIES = 3  # another process may take a free port before ours does


class PeerError(AssertionError):
    """A peer did not do its part; its log is in the message."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody uses now, and that the system gives to nobody by itself."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise PeerError("every port is taken")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
    """The first true value of ``condition``; PeerError when there is none before the deadline."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise PeerError(f"not within {seconds:g} s: {what}")
        pause.wait(POLL)
    return value


def is_listening(port: int, host: str = HOST) -> bool:
    """Whether a TCP connection to the port is accepted."""
    try:
        socket.create_connection((host, port), timeout=STOP_SECONDS).close()
    except OSError:
        return False
    return True


class ServerProcess:
    """A listening program.  ``argv`` makes its command line from the port it shall listen on."""

    def __init__(
        self,
        name: str,
        argv: Callable[[int], Sequence[str]],
        log_file: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.host = HOST
        self._log_file = log_file
        for _ in range(PORT_TRIES):
            self.port = free_port()
            with log_file.open("ab") as log:
                self.process = subprocess.Popen(
                    argv(self.port),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                )
            try:
                wait_until(lambda: self.process.poll() is not None or is_listening(self.port), f"{name} listens")
            except BaseException:
                self.stop()
                raise
            if self.process.poll() is None:
                return
        raise PeerError(f"{name} ended with status {self.process.returncode} before it listened:\n{self.log()}")

    def log(self) -> str:
        """What the program has written so far."""
        return self._log_file.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End the program, its process group and every process descended from it."""
        end_process(self.process)


def run_at_once(*programs: Sequence[str], cwd: Path | None = None) -> None:
    """Runs Python programs, each with its arguments, in processes that begin together.

    Each prints "ready" and waits for a line before it does its work.  None may complain or fail.
    """
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", *program],
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for program in programs
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    complaints = [process.communicate(timeout=WORK_SECONDS)[1] for process in processes]
    assert complaints == [""] * len(programs)
    assert [process.returncode for process in processes] == [0] * len(programs)


def is_over(process: psutil.Process) -> bool:
    """Whether it has ended, reaped or not."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def end_process(process: subprocess.Popen[Any]) -> None:
    """End a process that leads its own group, the group, and descendants that left the group."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    for group_signal, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        try:
            os.killpg(process.pid, group_signal)
        except (ProcessLookupError, PermissionError):
            pass
        try:
            process.wait(seconds)
            break
        except subprocess.TimeoutExpired:
            continue
    for child in family:
        try:
            child.kill()
        except psutil.NoSuchProcess:
            pass
