"""Output of a remote that wants to stop the page: the page goes on, also when it draws all of it after a reload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.browser.lab import SECONDS, Lab
from tests.browser.terminals import (
    TAB,
    focus,
    open_lab,
    open_terminal,
    reload,
    run,
    session,
    sessions_of,
    wait_for_text,
)
from tests.support.processes import wait_until

HUGE = ("999999999", "2147483647", "99999999999999999999", "0000000999999999")


def counts() -> str:
    """Every control sequence, with huge parameters."""
    return "".join(
        f"x\x1b[{prefix}{first}{huge}{more}{between}{chr(final)}"
        for final in range(0x40, 0x7F)
        for prefix in ("", "?", ">", "=", "<")
        for between in ("", " ", "!", '"', "$", "'")
        for huge in HUGE
        for first, more in (("", ""), ("", f";{huge}"), ("2;", f":{huge}"))
    )


OUTPUT = {
    "links on a line": "".join(f"\x1b]8;;http://host/{number}\x1b\\x\r" for number in range(20_000)) + "\n" * 2000,
    "an open link": "\x1b]8;id=1;http://host/\x1b\\" + "x\r\n" * 20_000 + "\x1b]8;;\x1b\\",
    "a long link": f"\x1b]8;;http://{'x' * 200_000}\x1b\\x\x1b]8;;\x1b\\",
    "a long title": f"\x1b]2;{'x' * 200_000}\x07",
    "a list of colours": f"\x1b]4{';1;#abcdef' * 20_000}\x07",
    "questions about colours": "\x1b]4;" + "0;?;" * 50_000 + "\x07",
    "combining characters": "a" + "\u0301" * 300_000,
    "a long line": "漢字" * 50_000,
    "bells": "\x07" * 50_000,
    "errors": "\x1b[é" * 20_000,
    "a picture": "\x1bPq" + "#0;2;0;0;0" * 20_000 + "\x1b\\",
    "titles": "".join(f"\x1b]2;title {number}\x07" for number in range(1000)),
    "colours": "".join(f"\x1b]4;{number % 256};#{number:06x}\x07" for number in range(500)) + "\x1b]104\x07",
    "resets": "\x1bc" * 2000,
    "other screens": "\x1b[?1049h\x1b[?1049l" * 500,
    "cursors": "\x1b[1 q\x1b[3 q\x1b[?12h\x1b[?12l" * 100,
    "a size": "\x1b[8;1000;1000t" * 1000,
    "counts": counts(),
    "repeated characters": "x\x1b[999999999b" * 200,
    "scrolled lines": "\x1b[999999999S\x1b[999999999T" * 500,
    "inserted lines": "\x1b[H\x1b[999999999L\x1b[999999999M" * 500,
    "tabs": "\x1b[999999999I\x1b[999999999Z" * 500,
}
"""What each of them has much of. The last ones are still in the kernel's ring when the page is loaded again."""


def test_no_output_stops_the_page_nor_stops_it_again_after_a_reload(page: Any, lab: Lab, tmp_path: Path) -> None:
    open_terminal(page)
    # The kernel gets no snapshot, as from a page that hangs before it takes one: all is drawn again.
    page.evaluate(f"() => {{ ({TAB}).view.viewer.handIn = () => undefined; }}")
    for number, (name, text) in enumerate(OUTPUT.items()):
        print(f"{name} ...", flush=True)
        file = tmp_path / f"{number}"
        file.write_text(text, encoding="utf-8")
        # CAN ends what is open, the rest is as at the beginning.
        page.keyboard.press("Control+u")  # answers of the terminal that the shell takes for keys
        page.keyboard.type(f"cat {file}; printf '\\030\\033c\\033]104\\033\\\\'; echo aft''er-{number}-\n")
        wait_for_text(page, f"after-{number}-")
    reload(page, lab)
    focus(page)
    page.keyboard.press("Control+u")
    run(page, "echo st''ill there", "still there")


def end_from_panel(page: Any, lab: Lab, which: str) -> None:
    """End the only session from the list of what is running."""
    item = page.locator(".jp-RunningSessions-item:has-text('demo')")
    item.hover()
    item.locator(".jp-RunningSessions-itemShutdown").click()
    wait_until(lambda: which not in sessions_of(page, lab), "the session has ended", SECONDS)
    assert page.evaluate("() => document.querySelectorAll('.xterm').length") == 0, "it was not drawn for that"


def test_a_session_is_ended_from_another_page_without_drawing_it(page: Any, context: Any, lab: Lab) -> None:
    open_terminal(page)
    which = session(page)
    other = context.new_page()
    open_lab(other, lab, "ending")
    other.evaluate("() => { window.jupyterapp.shell.activateById('jp-running-sessions'); }")
    end_from_panel(other, lab, which)
    other.close()


def test_a_session_is_ended_in_notebook_7_without_drawing_it(page: Any, context: Any, lab: Lab) -> None:
    open_terminal(page)
    which = session(page)
    other = context.new_page()
    other.goto(f"{lab.url}tree?token={lab.token}")
    other.get_by_role("tab", name="Running").click()
    end_from_panel(other, lab, which)
    other.close()
