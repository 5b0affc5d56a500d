"""Questions that neither a cell nor a terminal can ask, shown on the pages that are connected to this process."""

from __future__ import annotations

from jupyter_ssh.kernel.place.current import running_place
from jupyter_ssh.pages.prompts import PagePrompts
from jupyter_ssh.pages.questions import QuestionService


def page_prompts() -> PagePrompts | None:
    """Return prompts that ask on the connected pages; None if no page can show a question.

    Called in the engine's loop, for each connection that is made.
    """
    place = running_place()
    questions = place.services.get(QuestionService.name) if place is not None else None
    if not isinstance(questions, QuestionService) or not questions.able_pages():
        return None
    return PagePrompts(questions.general)
