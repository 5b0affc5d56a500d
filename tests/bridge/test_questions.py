"""A question of a cell that is about no terminal, answered on a page of the server."""

from __future__ import annotations

from tests.support.jupyter import SECONDS, JupyterServer, ServerKernel, page

ASK = """
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.kernel.place.page_prompts import page_prompts
async def ask():
    prompts = page_prompts()
    return None if prompts is None else await prompts.ask_secret("Password: ")
"""


async def test_a_page_answers_for_a_cell(jupyter: JupyterServer, kernel: ServerKernel) -> None:
    kernel.run("import jupyter_ssh.kernel.terminals.starting as starting; starting.start_service();" + ASK)
    assert kernel.run("print(get_engine().call(ask))")["text"].strip() == "None"
    async with page(jupyter, kernel.id) as first:
        kernel.begin("answer = get_engine().call(ask)")
        question = await first.expect("questions.question", kind="secret")
        assert question["about"] is None
        async with page(jupyter, kernel.id) as second:
            assert second.welcome["services"]["questions"]["open"][0]["question"] == question["question"]
            await second.send("questions.answer", question=question["question"], answer="correct horse")
            await first.expect("questions.answered", question=question["question"])
    kernel.client.get_shell_msg(timeout=SECONDS)
    assert kernel.run("print(len(answer))")["text"].strip() == "13"
