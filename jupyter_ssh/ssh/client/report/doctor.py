"""Examine a connection step by step: what works, what does not, and what to do (``--doctor``).

There is one connection with one login; everything reported was learned from it.
"""

from __future__ import annotations

import asyncio
import enum
import os
import stat
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from jupyter_ssh.ssh.channels.channel_streams import ChannelStreams
from jupyter_ssh.ssh.channels.host import ANSWER_SECONDS, ChannelHost
from jupyter_ssh.ssh.client.connecting import open_connection, resolve_options, route_context_for
from jupyter_ssh.ssh.client.login.authentication import WOULD_ACCEPT
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.client.report.progress import Progress, Step
from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.ssh_config import ConfigFile, chosen_files
from jupyter_ssh.ssh.errors import (
    AuthenticationError,
    ConnectError,
    DeadlineExceeded,
    HostKeyError,
    NameNotFound,
    NegotiationError,
    ProxyError,
    SSHError,
    VersionError,
)
from jupyter_ssh.ssh.net.owner import home_folder

WIDTH: Final = 110
"""Width of the text report in characters."""

_ORDER: Final = (
    Step.CONFIGURATION,
    Step.ROUTE,
    Step.NAME,
    Step.TCP,
    Step.VERSION,
    Step.ALGORITHMS,
    Step.HOST_KEY,
    Step.METHODS,
    Step.LOGIN,
    Step.SESSION,
)
_STEPS: Final = (
    (NameNotFound, Step.NAME),
    (ConnectError, Step.TCP),
    (VersionError, Step.VERSION),
    (NegotiationError, Step.ALGORITHMS),
    (HostKeyError, Step.HOST_KEY),
    (AuthenticationError, Step.LOGIN),
)
_PHASES: Final = (
    ("looking up", Step.NAME),
    ("connecting", Step.TCP),
    ("version exchange", Step.VERSION),
    ("authentication", Step.LOGIN),
    ("starting authentication", Step.LOGIN),
)


class Result(enum.Enum):
    """How a step went; the value is the word shown for it."""

    WORKS = "works"
    FAILS = "fails"
    NOTE = "note"
    SKIPPED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of the report; ``hop`` is the jump host it is about, empty for the destination."""

    hop: str
    step: str
    result: Result
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an examination; ``error`` is why there is no connection, with its advice."""

    target: str
    findings: Sequence[Finding]
    error: SSHError | None

    @property
    def summary(self) -> str:
        """One line."""
        if self.error is None:
            return f"{self.target}: everything that was tried works"
        failed = [finding for finding in self.findings if finding.result is Result.FAILS and finding.step != "key"]
        place = f"{failed[0].step}{f' ({failed[0].hop})' if failed[0].hop else ''}" if failed else "the end"
        return f"{self.target}: no connection, failed at: {place}"

    def lines(self) -> list[str]:
        """Return the report as text, each line at most about `WIDTH` characters."""
        names = [f"{finding.step} ({finding.hop})" if finding.hop else finding.step for finding in self.findings]
        first = max(map(len, names), default=0)
        second = max(len(result.value) for result in Result)
        lines = [self.summary, ""]
        for name, finding in zip(names, self.findings, strict=True):
            head = f"  {name:<{first}}  {finding.result.value:<{second}}  "
            lines += textwrap.wrap(
                finding.detail or "-",
                max(WIDTH, len(head) + 40),
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_on_hyphens=False,
            )
        if self.error is not None:
            lines += ["", *textwrap.wrap(f"next: {self.error.next_step or self.error}", WIDTH, break_on_hyphens=False)]
            if self.error.packets:
                lines += ["", "the last packets:", *(f"  {line}" for line in self.error.packets)]
        return lines


class Doctor(Progress):
    """Collects what it is told as findings."""

    def __init__(self, name: str = "", *, jump: bool = False, findings: list[Finding] | None = None) -> None:
        super().__init__(name, jump=jump)
        self.findings: list[Finding] = [] if findings is None else findings
        self._done: set[Step] = set()
        self._broken: list[SSHError] = []

    def hop(self, name: str) -> Doctor:
        """See `Progress.hop`."""
        hop = Doctor(name, jump=True, findings=self.findings)
        hop._broken = self._broken
        return hop

    def done(self, step: Step, detail: str) -> None:
        """See `Progress.done`."""
        self._done.add(step)
        self._add(step, Result.NOTE if step is Step.AGENT else Result.WORKS, detail)

    def tried(self, method: str, offer: str, outcome: str) -> None:
        """See `Progress.tried`."""
        good = outcome.startswith("accepted") or outcome == WOULD_ACCEPT
        step = Step.KEY if method == "publickey" else Step.LOGIN
        detail = f"{offer or method}: {outcome}" if method == "publickey" else f"{method}: {outcome}"
        if step is Step.KEY:
            detail += _mode(offer) if "readable by others" not in outcome else ""
            same = [each for each in self.findings if (each.hop, each.step) == (self._hop, step.value)]
            for each in (
                each for each in same if each.detail.startswith(f"{offer}:")
            ):  # the server had only been asked about it
                self.findings.remove(each)
        self._add(step, Result.WORKS if good else Result.NOTE, detail)

    def broke(self, error: SSHError) -> None:
        """See `Progress.broke`."""
        if error in self._broken:  # already reported for the jump host itself
            step, detail = Step.ROUTE, f"the jump host {error.via} failed"
        else:
            self._broken.append(error)
            step, detail = self._step_of(error), _described(error)
        if step in self._done:
            self.findings[:] = [each for each in self.findings if (each.hop, each.step) != (self._hop, step.value)]
        self._add(step, Result.FAILS, detail)
        if not self.jump:
            for later in _ORDER[_ORDER.index(step) + 1 :]:
                if later not in self._done:
                    self._add(later, Result.SKIPPED, "")

    @property
    def _hop(self) -> str:
        return self.name if self.jump else ""

    def _hear(self, messages: Sequence[str]) -> None:
        for text in messages:
            self._add(Step.LOGIN, Result.NOTE, text.partition("\n")[0])

    def _add(self, step: Step, result: Result, detail: str) -> None:
        self.findings.append(Finding(self._hop, step.value, result, detail))

    def _step_of(self, error: SSHError) -> Step:
        if isinstance(error, ProxyError):
            return Step.TCP if error.message.startswith("jump host") else Step.ROUTE
        if isinstance(error, DeadlineExceeded):
            of_phase = (step for phase, step in _PHASES if (error.phase or "").startswith(phase))
            return next(of_phase, Step.ALGORITHMS)
        of_kind = (step for kind, step in _STEPS if isinstance(error, kind))
        undone = (step for step in _ORDER[4:-1] if step not in self._done)
        return next(of_kind, None) or next(undone, Step.SESSION)


async def examine(
    target: str,
    prompts: Prompts,
    *,
    config: str | None = None,
    command_line: Sequence[str | tuple[str, str]] = (),
    terminal: bool = False,
) -> Report:
    """Try to connect to ``target`` and report each step; errors of the connection are in the report.

    ``config``, ``command_line`` and ``prompts`` are as for `connect`, ``terminal`` as for `RouteContext`.
    """
    doctor = Doctor(target)
    try:
        options = await asyncio.to_thread(resolve_options, target, config, command_line, {})
    except SSHError as error:
        doctor._add(Step.CONFIGURATION, Result.FAILS, _described(error))
        return Report(target, doctor.findings, error)
    for result, detail in _configuration(config, options):
        doctor._add(Step.CONFIGURATION, result, detail)
    doctor._done.add(Step.CONFIGURATION)
    context = route_context_for(config, terminal=terminal)
    try:
        connection = await open_connection(options, prompts, route_context=context, progress=doctor, examine=True)
    except SSHError as error:
        doctor._hear(error.messages)
        return Report(target, doctor.findings, error)
    try:
        doctor._hear(connection.messages)
        await _open_session(connection.channel_host)
        doctor.done(Step.SESSION, "opened by the server")
    except SSHError as error:
        doctor.broke(error)
        return Report(target, doctor.findings, error)
    finally:
        await connection.close()
    return Report(target, doctor.findings, None)


async def _open_session(host: ChannelHost) -> None:
    """Open a session and close it without running anything."""
    session = ChannelStreams(host, host.open_channel("session"))
    await session.wait_opened(ANSWER_SECONDS, "starting a process")
    session.channel.abort()


def _configuration(config: str | None, options: Options) -> Iterator[tuple[Result, str]]:
    """Yield the files that were read, and what of them counted."""
    files = chosen_files(config, home_folder())
    for file in files:
        yield Result.WORKS, f"{file.path}: {_file_state(file)}"
    if not files:
        yield Result.WORKS, "no file was read"
    used = sorted({place.partition(" line ")[0] for place in options.sources.values() if " line " in place})
    others = [place for place in used if place not in {str(file.path) for file in files}]
    for place in others:
        yield Result.WORKS, f"{place}: included"
    for text in (*options.warnings, *options.ignored):
        yield Result.NOTE, text
    folder = home_folder() / ".ssh"
    if os.name != "nt" and folder.is_dir() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield Result.NOTE, f"{folder} is writable by others: chmod go-w {folder}"


def _file_state(file: ConfigFile) -> str:
    try:
        status = file.path.stat()
    except OSError as error:
        return "not found" if isinstance(error, FileNotFoundError) else str(error.strerror)
    return f"read, mode {stat.S_IMODE(status.st_mode):04o}"


def _mode(label: str) -> str:
    """Return the permissions of the key file whose path the label begins with, as text."""
    path = label.partition(" SHA256:")[0]
    if not os.path.isabs(path) or "(agent)" in label:
        return ""
    try:
        return f" (mode {stat.S_IMODE(os.stat(path).st_mode):04o})"
    except OSError:
        return ""


def _described(error: SSHError) -> str:
    comparison = [f"{word} {value}" for word, value in (("expected", error.expected), ("got", error.received)) if value]
    return f"{error.message} ({'; '.join(comparison)})" if comparison else error.message
