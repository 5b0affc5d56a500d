"""The choice of where a connection's questions are asked: where somebody can answer them.

Questions of work that a cell started are asked in that cell, those of a further connection for a terminal on its tab.
Other questions (of a terminal's jump host, a reconnect, a panel) are asked on a JupyterLab page, or else in a cell that
is waiting for something else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

from jupyter_ssh.kernel.cells.desk import CURRENT_DESK, waiting_desk
from jupyter_ssh.kernel.place.page_prompts import page_prompts
from jupyter_ssh.kernel.prompts.cell import StdinPrompts
from jupyter_ssh.kernel.prompts.tab import CURRENT_TAB
from jupyter_ssh.ssh.client.prompts import Prompts
from jupyter_ssh.ssh.errors import PromptUnavailable

if TYPE_CHECKING:
    from jupyter_ssh.ssh.trust.question import HostKeyQuestion

T = TypeVar("T")


class KernelPrompts:
    """The client's prompts (``jupyter_ssh.ssh.client.prompts.Prompts``) for one connection of the kernel.

    Each question is asked where it can most likely be answered; if that turns out to be impossible, in the next place.
    """

    most_banner: Final = 64 * 1024
    """See `Handshake`: a cell keeps what it shows, and so does its notebook."""

    def __init__(self) -> None:
        self._page: Prompts | None = None
        self._asked: set[tuple[str, ...]] = set()
        """What was asked in cells; see `StdinPrompts`."""

    async def confirm_host_key(self, question: HostKeyQuestion) -> bool:
        """See `Prompts.confirm_host_key`."""
        return await self._ask(lambda prompts: prompts.confirm_host_key(question))

    async def ask_secret(self, prompt: str) -> str | None:
        """See `Prompts.ask_secret`."""
        return await self._ask(lambda prompts: prompts.ask_secret(prompt))

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        """See `Prompts.keyboard_interactive`."""
        if not prompts and not (name.strip() or instruction.strip()):
            return []  # nothing to show or to ask
        return await self._ask(lambda asked: asked.keyboard_interactive(name, instruction, prompts))

    async def confirm(self, text: str, default: bool = False) -> bool:
        """See `Prompts.confirm`."""
        return await self._ask(lambda prompts: prompts.confirm(text, default))

    def show_banner(self, text: str) -> None:
        """Show the server's banner where questions would be asked; drop it if there is no such place."""
        if ways := self._ways():
            ways[0].show_banner(text)

    def _ways(self) -> list[Prompts]:
        """Return the prompts that can be used now, in the order in which to try them."""
        # The same `PagePrompts` is kept: it remembers earlier questions, and can say that an answer was wrong.
        self._page = self._page or page_prompts()
        page = [] if self._page is None or page_prompts() is None else [self._page]
        if (tab := CURRENT_TAB.get()) is not None:
            page.insert(0, tab.prompts)
        started_by, waits = CURRENT_DESK.get(), waiting_desk()
        if started_by is not None and started_by.open:
            return [StdinPrompts(started_by, self._asked), *page]
        return page if waits is None else [*page, StdinPrompts(waits, self._asked)]

    async def _ask(self, question: Callable[[Prompts], Awaitable[T]]) -> T:
        refusal: PromptUnavailable | None = None
        for prompts in self._ways():
            try:
                return await question(prompts)
            except PromptUnavailable as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal
        raise PromptUnavailable(
            "a question must be asked, but there is nobody to ask: no cell is waiting, and no JupyterLab page is open",
            phase="question",
            next_step="Connect once from a cell, where the question can be answered, or use a key without a passphrase"
            " and a known host.",
        )
