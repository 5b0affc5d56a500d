"""What is lost and comes back: the server, the page's version, the host process, the SSH connection."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_ssh.pages.rendezvous import FOLDER, HOST_PLACE, read_place
from tests.browser.lab import MILLISECONDS, Lab, lab_with, open_notebook, run_cells
from tests.browser.terminals import (
    SHOWN,
    TAB,
    build_labextension,
    cells,
    end_all,
    focus,
    open_lab,
    open_terminal,
    run,
    session,
    show,
    text,
    wait_for_saved_layout,
    wait_for_state,
    wait_for_text,
)
from tests.notebook.remotes import embedded_server
from tests.support.processes import wait_until
from tests.support.servers import PeerServer, start_openssh


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    server = start_openssh(tmp_path_factory.mktemp("sshd"), host_key_types=["ed25519"])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lab(sshd: PeerServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One of its own: it is stopped and started again here."""
    build_labextension()
    folder = tmp_path_factory.mktemp("losses")
    notebooks = {"own.ipynb": ["%load_ext jupyter_ssh", "%ssh_terminal demo"]}
    with embedded_server(folder) as remote, lab_with(folder, notebooks, demo=remote, box=sshd) as lab:
        yield lab


class Age:
    """Whether pages speak as an older version of the extension would."""

    def __init__(self, context: Any) -> None:
        self.is_old = False
        context.route_web_socket("**/jupyter-ssh/channels/**", self._on_socket)

    def _on_socket(self, socket: Any) -> None:
        server = socket.connect_to_server()
        if self.is_old:
            socket.on_message(lambda message: server.send(self._older(message)))

    @staticmethod
    def _older(message: str | bytes) -> str | bytes:
        return message.replace('"version":2', '"version":1') if isinstance(message, str) else message


def strip(page: Any) -> str:
    """What is said above the terminal in front."""
    found = page.locator(".jssh-Tab:not(.lm-mod-hidden) .jssh-Strip").inner_text()
    assert isinstance(found, str)
    return found


def close_dialogs(page: Any) -> None:
    """Close what Lab itself says, over everything else, about a server that does not answer."""
    page.wait_for_function(
        f"""() => {{
          for (const button of document.querySelectorAll('.jp-Dialog button')) button.click();
          ({TAB}).view.focus();
          return ({TAB}).node.contains(document.activeElement);
        }}""",
        polling=100,
    )


def test_a_restart_of_the_server_changes_nothing_on_the_screens(page, lab):
    open_terminal(page)
    run(page, "for i in $(seq 1 300); do echo line $i; done; echo fin''ished", "finished\n$")
    shell, shells_cells = session(page), cells(page)
    open_terminal(page, "box")
    page.keyboard.type("vim -u NONE -c 'set mouse=a number' new.c\n")
    wait_for_text(page, "~")
    page.keyboard.type("isome text")
    wait_for_text(page, "some text")
    editor, editors_cells = session(page), cells(page)
    lab.stop()
    wait_for_state(page, "lost")
    assert strip(page).startswith("The connection to the Jupyter server is lost.")
    show(page, shell)  # what is said takes no room from its last line
    screen = page.locator(f"{SHOWN} .jssh-Terminal").bounding_box()
    below = screen["y"] + screen["height"]
    page.wait_for_function(
        f"below => document.querySelector('{SHOWN} .xterm-screen').getBoundingClientRect().bottom <= below",
        arg=below,
    )
    show(page, editor)
    assert page.locator(".jssh-Tab .jp-Dialog").count() == 0
    lab.start()
    wait_for_state(page, "connected")  # by itself
    assert (session(page), cells(page)) == (editor, editors_cells)
    close_dialogs(page)
    page.keyboard.type(" and more")
    wait_for_text(page, "some text and more")
    show(page, shell)
    wait_for_state(page, "connected")
    assert cells(page) == shells_cells
    focus(page)
    run(page, "echo go''es on", "goes on")
    assert text(page).count("line 299") == 1


def test_a_page_of_an_older_version_says_so_and_harms_no_other(page, lab, browser):
    open_terminal(page)
    run(page, "echo he''re", "here")
    other = browser.new_context(viewport={"width": 1280, "height": 860})
    other.set_default_timeout(MILLISECONDS)
    age = Age(other)
    age.is_old = True
    old = other.new_page()
    open_lab(old, lab, "older")
    old.evaluate(
        "args => { window.jupyterapp.commands.execute('jupyter-ssh:open-session', args); }",
        {"place": HOST_PLACE, "session": session(page)},
    )
    wait_for_state(old, "lost")
    assert strip(old).startswith("The SSH extension was updated. Reload the page.")
    run(page, "echo un''harmed", "unharmed")
    wait_for_saved_layout(old, lab, session(page))
    age.is_old = False
    old.get_by_role("button", name="Reload the page").click()
    wait_for_state(old, "connected")
    wait_for_text(old, "unharmed")
    other.close()


def test_the_host_is_killed_and_a_new_session_is_a_click_away(page, lab):
    open_terminal(page)
    run(page, "echo bef''ore", "\nbefore")
    dead = read_place(lab.runtime / FOLDER, HOST_PLACE)
    assert dead is not None
    os.kill(dead.pid, signal.SIGKILL)
    wait_for_state(page, "lost")
    assert strip(page).startswith("The process of the terminals has ended, and this session with it.")
    assert "\nbefore" in text(page)
    page.get_by_role("button", name="New session").click()
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo af''ter", "\nafter")
    place = read_place(lab.runtime / FOLDER, HOST_PLACE)
    assert place is not None
    assert place.pid != dead.pid
    assert not Path(dead.path).exists(), "nothing of the dead one is left"


def test_a_lost_ssh_connection_is_made_again_by_a_click(page, sshd):
    open_terminal(page, "box")
    run(page, "echo bef''ore", "\nbefore")
    page.keyboard.type("vim -u NONE -c 'set mouse=a number' new.c\n")
    wait_for_text(page, "~")
    for process in psutil.Process(sshd.process.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended with the one before
            if process.name().startswith("sshd"):  # not the shell, which would have ended by itself
                process.kill()
    wait_for_state(page, "lost")
    assert strip(page) != ""
    page.locator(".jssh-Strip button:has-text('Reconnect')").click()
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo af''ter", "\nafter")
    assert text(page).count("\nbefore") == 1, "the editor's screen is gone, and all before it there"
    assert cells(page)["modes"]["mouseTrackingMode"] == "none"
    wait_until(lambda: page.locator(".jssh-Tab .jssh-Strip").is_hidden(), "the strip is gone")


def test_a_notebooks_own_terminal_keeps_its_screen_when_the_server_ends_its_kernel(context, lab):
    page = context.new_page()
    open_notebook(page, lab.address("own.ipynb"))
    run_cells(page)
    wait_for_state(page, "connected")
    focus(page)
    run(page, "PS1='$ '; for i in $(seq 1 300); do echo line $i; done; echo fin''ished", "finished\n$")
    last = text(page)
    assert strip(page) == ""
    lab.stop()  # and with it all kernels
    wait_for_state(page, "lost")
    lab.start()
    page.wait_for_selector(f"{SHOWN} .jssh-Strip:has-text('kernel') button:has-text('New session')")
    assert "server is lost" not in strip(page)
    assert text(page).rstrip() == last.rstrip()
    close_dialogs(page)
    page.get_by_role("button", name="New session").click()
    wait_for_state(page, "connected")
    focus(page)
    run(page, "echo af''ter", "\nafter")
    assert page.locator(".jssh-Tab").count() == 1
    end_all(page)
    page.close()
