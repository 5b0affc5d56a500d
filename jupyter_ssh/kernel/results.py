"""What a remote command left behind, and how it looks in a notebook."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_ssh.ssh.client import result


@dataclass(frozen=True)
class Result(result.Result[bytes]):
    """The result of the stack; a notebook shows it as a small card."""

    def check(self) -> Result:
        """This result; raises `RemoteCommandError` if the command failed."""
        super().check()
        return self

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from jupyter_ssh.kernel import cards

        return {"text/plain": cards.result_text(self), "text/html": cards.result_html(self)}
