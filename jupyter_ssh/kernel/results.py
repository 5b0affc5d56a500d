"""What a remote command left behind."""

from __future__ import annotations

from dataclasses import dataclass, field

from jupyter_ssh.ssh.errors import RemoteCommandError


@dataclass(frozen=True)
class Result:
    """The end and the output of a remote command; the face in a notebook is a small card.

    ``stdout`` and ``stderr`` are bytes as they came, `text` and `stderr_text` the same decoded.  ``exit_status`` is
    None when the process was ended by ``exit_signal`` ("TERM", RFC 4254 §6.10), or when the server told neither.
    """

    command: str | None
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    exit_status: int | None
    exit_signal: str | None = None
    host: str = ""
    seconds: float = 0.0
    #: Sizes of the whole streams, which may be more than what was kept.
    stdout_size: int = field(default=0, repr=False)
    stderr_size: int = field(default=0, repr=False)

    @property
    def text(self) -> str:
        """``stdout`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def stderr_text(self) -> str:
        """``stderr`` as UTF-8; bytes that are not are shown as ``\\xNN``."""
        return self.stderr.decode("utf-8", "backslashreplace")

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.exit_status == 0

    def check(self) -> Result:
        """This result, or `RemoteCommandError` if the command failed."""
        if not self.ok:
            raise RemoteCommandError(self.command, self.exit_status, self.exit_signal, self.stdout, self.stderr)
        return self

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from jupyter_ssh.kernel import faces

        return {"text/plain": faces.result_text(self), "text/html": faces.result_html(self)}
