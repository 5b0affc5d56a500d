"""A terminal from the launcher, with the keyboard alone: choosing a host, trusting its key, logging in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab
from tests.browser.terminals import end_all, focus, open_lab, run, text, wait_for_state


@pytest.fixture
def page(context: Any, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Any]:
    """One of its own, with the launcher and nothing else."""
    page = context.new_page()
    open_lab(page, lab, f"dialogs{len(request.node.name)}")
    yield page
    end_all(page)
    page.close()


def choose(page: Any, typed: str) -> None:
    """Open the chooser from the launcher, type, and take what is found first."""
    page.locator(".jp-LauncherCard:has-text('SSH Terminal')").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".jssh-Hosts-item")
    page.keyboard.type(typed)
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".jssh-Hosts-item[aria-selected=true]")
    page.keyboard.press("Enter")


def heading(page: Any, wanted: str) -> Any:
    """The panel with this heading, once it has the focus."""
    panel = page.get_by_role("dialog", name=wanted)
    panel.wait_for()
    page.wait_for_function("() => document.querySelector('.jssh-Questions').contains(document.activeElement)")
    return panel


def test_from_the_launcher_to_the_prompt(page, shared_remote, tmp_path: Path):
    remote = shared_remote
    choose(page, "strang")
    panel = heading(page, "Is this the right machine?")
    shown = panel.inner_text()
    assert remote.host_key_fingerprint in shown
    assert "MD5:" in shown
    assert "+--[" in shown  # the picture
    page.keyboard.press("Enter")  # meant for the terminal, perhaps: it trusts nobody
    assert "choose “Trust and connect”" in panel.locator(".jssh-Verdict").inner_text()
    assert page.locator(".jssh-Questions input[type=password]").count() == 0
    page.keyboard.type("SHA256:something else")
    assert panel.locator(".jssh-Verdict").inner_text() == "The fingerprint differs."
    page.keyboard.press("Control+a")
    page.keyboard.type(remote.host_key_fingerprint)
    assert panel.locator(".jssh-Verdict").inner_text() == "The fingerprint matches."
    page.screenshot(path=tmp_path / "host-key.png")
    page.keyboard.press("Enter")
    heading(page, "Log in to")
    field = page.locator(".jssh-Questions input[type=password]")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.jssh-Questions input[type=password]')?.value === ''")
    heading(page, "Log in to")
    page.keyboard.type(remote.password)
    assert field.evaluate("input => input.value") == remote.password
    page.screenshot(path=tmp_path / "password.png")
    print(f"to look at: {tmp_path}")
    page.keyboard.press("Enter")
    wait_for_state(page, "connected")
    assert remote.password not in page.content()
    assert page.locator("input[type=password]").count() == 0
    # The focus has gone on to the terminal.
    run(page, "echo in si''de", "in side")
    assert text(page).startswith("Permanently added the ED25519 key of ")


def test_a_failure_leaves_a_tab_that_says_so(page):
    choose(page, "other")
    wait_for_state(page, "lost")
    strip = page.locator(".jssh-Tab .jssh-Strip")
    assert strip.inner_text() != ""
    assert page.get_by_role("button", name="Close").is_visible()


def test_what_is_no_known_host_can_be_typed(page):
    page.evaluate("() => { window.jupyterapp.commands.execute('jupyter-ssh:open-terminal'); }")
    page.wait_for_selector(".jssh-Hosts-item")
    page.keyboard.type("nosuchhost.invalid")
    page.wait_for_selector(".jssh-Hosts-item", state="detached")
    page.keyboard.press("Enter")
    wait_for_state(page, "lost")
    assert "nosuchhost.invalid" in page.locator(".jssh-Tab .jssh-Strip").inner_text()
    focus(page)
