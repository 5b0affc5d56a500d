"""The picture that README opens with: a notebook and a terminal of its kernel, side by side.

The scene is built each time; `make pictures` keeps what it looks like.
"""

from __future__ import annotations

import getpass
import os
import re
import shlex
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import MILLISECONDS, Lab, lean_environment, open_notebook, running_lab, write_notebook
from tests.browser.terminals import (
    XTERM,
    build_labextension,
    end_all,
    focus,
    text,
    wait_for_state,
    wait_for_text,
)
from tests.notebook.kernels import ROOT
from tests.notebook.remotes import Remote, embedded_server

WRITE = "PICTURES"
"""The variable that makes the test write the picture."""
PICTURE = ROOT / "docs" / "images" / "terminal.png"
MOST_BYTES = 250_000
SIZE = {"width": 1240, "height": 500}

CELLS = (
    "%load_ext jupyter_ssh",
    '%%ssh cluster\nfor node in 1 2 3; do\n    echo "node-$node  ready"\ndone',
    "%ssh_terminal cluster",
    "import time\n\ntime.sleep(600)    # the terminal works on meanwhile",
)
STEPS = 13
SIMULATE = rf"""#!/bin/sh
printf '\033]0;simulate\007\033[1m  step    energy  residual\033[0m\n'
for n in $(seq {STEPS}); do
  left=$(({STEPS} + 1 - n))
  printf '%6d   \033[36m-1.40%02d\033[0m' $((n * 50)) $((99 - left * left / 4))
  printf '   \033[33m%de-%02d\033[0m  \033[32m' $((9 - n % 8)) $((1 + n / 3))
  printf '%*s' "$n" '' | sed 's/ /\xe2\x96\x88/g'
  printf '\033[0m\n'
done
exec sleep 600
"""

# The real port is in no picture: to the client the machine is one of that name, reached through this.
RELAY = """
import os, socket, sys, threading
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def upward():
    while data := os.read(0, 65536):
        line.sendall(data)
    line.shutdown(socket.SHUT_WR)
threading.Thread(target=upward, daemon=True).start()
while data := line.recv(65536):
    os.write(1, data)
"""


def write_config(folder: Path, remote: Remote) -> Path:
    """An ssh_config in which the machine is called as a person would call theirs."""
    relay, known, config = folder / "relay.py", folder / "known", folder / "ssh_config"
    relay.write_text(RELAY)
    known.write_text("cluster " + remote.known_hosts.read_text().split(" ", 1)[1])
    command = shlex.join([sys.executable, str(relay), remote.host, str(remote.port)])
    config.write_text(
        f"Host cluster\n    User alice\n    ProxyCommand {command}\n    IdentityFile {remote.client_key}\n"
        f"    IdentitiesOnly yes\n    UserKnownHostsFile {known}\n    GlobalKnownHostsFile none\n"
    )
    return config


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    build_labextension()
    root, there = tmp_path / "root", tmp_path / "there"
    (there / "results").mkdir(parents=True)
    (there / "params.toml").touch()
    (there / "simulate").write_text(SIMULATE)
    (there / "simulate").chmod(0o755)
    root.mkdir()
    write_notebook(root / "energy.ipynb", CELLS)
    with embedded_server(tmp_path, users=["alice"]) as remote:
        env = lean_environment(tmp_path, write_config(tmp_path, remote))
        with running_lab(root, env) as lab:
            yield lab


def run_each(page: Any, count: int) -> None:
    """Run the first cells one after the other."""
    page.evaluate(
        """async count => {
          const {commands, shell} = window.jupyterapp;
          const notebook = shell.currentWidget;
          notebook.content.activeCellIndex = 0;
          for (let n = 0; n < count; n++) {
            shell.activateById(notebook.id);
            await commands.execute('notebook:run-cell-and-select-next');
          }
        }""",
        count,
    )


def test_a_notebook_and_its_terminal_side_by_side(browser: Any, lab: Lab) -> None:
    there = lab.folder.parent / "there"
    context = browser.new_context(viewport=SIZE, device_scale_factor=2)
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    open_notebook(page, lab.address("energy.ipynb"))
    page.evaluate("() => { window.jupyterapp.shell.collapseLeft(); }")
    run_each(page, 3)
    wait_for_state(page, "connected")
    page.evaluate(
        """() => {
          const {shell} = window.jupyterapp;
          const tab = [...shell.widgets('main')].find(widget => widget.hasClass('jssh-Tab'));
          const notebook = [...shell.widgets('main')].find(widget => widget.context);
          shell.add(tab, 'main', {mode: 'split-right', ref: notebook.id});
          shell.activateById(notebook.id);
        }"""
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
    page.wait_for_selector(".jp-InputArea-prompt:has-text('[*]')")
    focus(page)
    prompt = r"\[\e[1;34m\]alice@cluster\[\e[0m\]:\[\e[1;36m\]~/run\[\e[0m\]$ "
    page.keyboard.insert_text(f"cd {shlex.quote(str(there))}; PROMPT_COMMAND=; PS1='{prompt}'; clear; echo re''ady")
    page.keyboard.press("Enter")
    wait_for_text(page, "ready")
    page.keyboard.type("clear\n")
    page.wait_for_function(f"() => {XTERM}.buffer.active.cursorY === 0")
    page.keyboard.type("ls --color=always\n./simulate\n")
    wait_for_text(page, f"\n{STEPS * 50:>6}   -1.40")
    page.wait_for_function("() => document.querySelector('.jssh-TabLabel').innerText.includes('simulate')")

    notebook = page.locator(".jp-NotebookPanel").bounding_box()
    terminal = page.locator(".jssh-Tab").bounding_box()
    assert notebook["x"] + notebook["width"] <= terminal["x"]
    assert min(notebook["width"], terminal["width"]) > 500
    assert notebook["height"] == pytest.approx(terminal["height"], abs=40)
    shown = page.evaluate("() => document.body.innerText") + text(page)
    assert "node-3  ready" in shown
    for private in (str(lab.folder.parent), socket.gethostname(), f"{getpass.getuser()}@", "127.0.0.1"):
        assert private not in shown
    page.evaluate("() => document.fonts.ready")
    picture = page.screenshot(caret="hide")
    if os.environ.get(WRITE):
        assert len(picture) <= MOST_BYTES
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(picture)
    end_all(page)
    context.close()


def test_the_readme_opens_with_it() -> None:
    found = re.search(r"\A# jupyter_ssh\n\n!\[(.+?)\]\((.+?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    assert "notebook" in found[1]
    assert ROOT / found[2] == PICTURE
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size <= MOST_BYTES
