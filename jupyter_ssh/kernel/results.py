"""What a remote command left behind, and how it looks in a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field

from jupyter_ssh.ssh.client import process


@dataclass(frozen=True)
class Result(process.Result):
    """The result of the stack, and where it comes from; a notebook shows it as a small card.

    ``stdout_size`` and ``stderr_size`` count the whole streams in bytes, which may be more than what was kept.
    """

    host: str = ""
    seconds: float = 0.0
    stdout_size: int = field(default=0, repr=False)
    stderr_size: int = field(default=0, repr=False)

    def check(self) -> Result:
        """This result; raises `RemoteCommandError` if the command failed."""
        super().check()
        return self

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from jupyter_ssh.kernel import cards

        return {"text/plain": cards.result_text(self), "text/html": cards.result_html(self)}
