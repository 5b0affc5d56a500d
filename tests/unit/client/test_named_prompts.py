"""Which host a question is from, where several are on the way."""

from __future__ import annotations

from jupyter_ssh.ssh.client.prompts import NamedPrompts, NoPrompts


class Heard(NoPrompts):
    """Keeps what is asked."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    async def ask_secret(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return None

    async def confirm(self, text: str, default: bool = False) -> bool:
        self.prompts.append(text)
        return default

    async def keyboard_interactive(
        self, name: str, instruction: str, prompts: list[tuple[str, bool]]
    ) -> list[str] | None:
        self.prompts += [prompt for prompt, _ in prompts]
        return None


async def test_our_own_questions_say_which_host_they_are_about() -> None:
    heard = Heard()
    named = NamedPrompts(heard, "root@a")
    await named.ask_secret("root@a's password: ")
    await named.ask_secret("Enter passphrase for key 'id': ")
    assert heard.prompts == ["root@a's password: ", "For root@a: Enter passphrase for key 'id': "]


async def test_what_a_server_asks_is_passed_on_as_the_login_marked_it() -> None:
    heard = Heard()
    await NamedPrompts(heard, "root@a").keyboard_interactive("", "", [("(root@a) Code: ", True)])
    assert heard.prompts == ["(root@a) Code: "]


async def test_a_question_of_yes_and_no_names_the_host_and_keeps_its_default() -> None:
    heard = Heard()
    named = NamedPrompts(heard, "root@a")
    assert await named.confirm("Learn the new keys?", True)
    assert not await named.confirm("Learn the new keys?")
    assert heard.prompts == ["For root@a: Learn the new keys?"] * 2


async def test_nobody_agrees_to_nothing() -> None:
    assert not await NoPrompts().confirm("Learn the new keys?", True)
