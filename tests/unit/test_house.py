"""The rules of the house: where imports lead, rooms without I/O, sizes, clean notebooks, plain tables, privates."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.house.circles import circles, knots, python_imports
from tests.support.house.formatting import formatter_tricks
from tests.support.house.modules import PACKAGE, modules
from tests.support.house.notebooks import notebook_leftovers
from tests.support.house.privates import unexplained_privates
from tests.support.house.rooms import impurities, wrong_imports
from tests.support.house.sizes import crowded_folders, long_files
from tests.support.peers import require_tool

TREE = Path(__file__).parents[2]
# Folders of one person's or one machine's; a leading quantifier keeps this file from matching itself.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/{1}(?:root|work|Users|home/(?!alice\b|bob\b|user\b)\w+)/")

RULES = [
    wrong_imports,
    circles,
    impurities,
    long_files,
    crowded_folders,
    notebook_leftovers,
    unexplained_privates,
    formatter_tricks,
]
Tree = Callable[..., Path]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Callable[[Path], list[str]]) -> None:
    assert rule(TREE) == []


def test_every_module_was_looked_at() -> None:
    assert {PACKAGE, "jupyter_ssh.ssh", "jupyter_ssh.ssh.errors"} <= {name for name, _ in modules(TREE)}


def test_no_tracked_file_names_a_machines_folders() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git work tree")
    files = [TREE / name for name in listing.stdout.decode().split("\0") if name]
    assert files
    found = []
    for path in files:
        if not path.is_file():
            continue  # deleted, and not committed yet
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(TREE)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_importing_the_package_loads_neither_asyncio_nor_ipython() -> None:
    code = (
        "import sys; before = set(sys.modules); import jupyter_ssh, jupyter_ssh.ssh\n"
        "print({'asyncio', 'IPython', 'cryptography', 'threading'} & (set(sys.modules) - before) or 'nothing')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=TREE, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "nothing"


def test_names_of_the_stack_come_from_its_root() -> None:
    import jupyter_ssh.ssh
    from jupyter_ssh.ssh import errors

    assert jupyter_ssh.ssh.HostKeyChanged is errors.HostKeyChanged
    with pytest.raises(AttributeError, match=r"jupyter_ssh\.ssh.*Sequence"):
        _ = jupyter_ssh.ssh.Sequence


# --- the rules themselves, on made-up trees ---------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    def make(**files: str) -> Path:
        """``ssh__wire__types="…"`` is jupyter_ssh/ssh/wire/types.py; a name ending in __ is a folder's __init__.py."""
        for name, text in files.items():
            parts = name.split("__")
            path = tmp_path.joinpath("jupyter_ssh", *parts[:-1], f"{parts[-1] or '__init__'}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return make


DOWNWARD = {
    "absolute": {"ssh__wire__types": "from jupyter_ssh.ssh.crypto import macs"},
    "import statement": {"ssh__wire__types": "import jupyter_ssh.ssh.crypto.macs"},
    "relative, two up": {"ssh__wire__types": "from ..crypto.macs import MACS"},
    "relative, module as name": {"ssh__wire__types": "from .. import crypto"},
    "relative in a package's own file": {"ssh__wire__": "from ..crypto import macs"},
    "in a function": {"ssh__crypto__macs": "def late():\n    from jupyter_ssh.ssh.protocol import session"},
    "for types only": {
        "ssh__net__dial": "import typing as t\nif t.TYPE_CHECKING:\n    from jupyter_ssh.kernel import engine"
    },
    "by name": {"ssh__keys__files": "import importlib\nimportlib.import_module('jupyter_ssh.ssh.agent.client')"},
    "errors from wire": {"ssh__errors": "from jupyter_ssh.ssh.wire import types"},
    "from one SSH to the other": {"ssh__protocol__session": "from jupyter_ssh.ssh.protocol1 import session"},
    "the stack from Jupyter": {"ssh__server__listen": "from jupyter_ssh.magics import ssh"},
    "the stack from its own root": {"ssh__wire__types": "from jupyter_ssh.ssh import connect"},
    "the stack from the package's root": {"ssh__client__run": "from jupyter_ssh import connect"},
    "the server from the client": {"ssh__server__listen": "from jupyter_ssh.ssh.client.process import Process"},
    "the bridge from the kernel": {"bridge__rest": "from jupyter_ssh.kernel.terminals import service"},
    "the bridge from the package's root": {"bridge__rest": "from jupyter_ssh import connect"},
    "kernel from commands": {"kernel__engine": "from jupyter_ssh.commands import main"},
    "a root that imports at once": {"ssh__": "from jupyter_ssh.ssh.client import connect"},
    "a module in no room": {"ssh__helpers": ""},
}


@pytest.mark.parametrize("files", DOWNWARD.values(), ids=DOWNWARD.keys())
def test_an_import_that_points_down_is_found(tree: Tree, files: dict[str, str]) -> None:
    assert len(wrong_imports(tree(**files))) == 1


UPWARD = {
    "own room": {"ssh__wire__types": "from jupyter_ssh.ssh.wire import numbers\nfrom . import names"},
    "a room above": {"ssh__server__listen": "from ..net import driver\nfrom jupyter_ssh.ssh.errors import SSHError"},
    "a module of the stack's root": {"ssh__wire__types": "from jupyter_ssh.ssh import errors"},
    "the version": {"ssh__protocol__version": "from jupyter_ssh import __version__"},
    "the stack's names, from below it": {"kernel__connecting": "from jupyter_ssh.ssh import connect"},
    "the package's names, from below them": {"magics__ssh": "from jupyter_ssh import connect"},
    "the bridge from the pages": {"bridge__rest": "from jupyter_ssh.pages.frames import CONTROL"},
    "a lazy root": {
        "ssh__": "def __getattr__(name):\n    from jupyter_ssh.ssh.client import connect\n    return connect"
    },
    "another package of a room's name": {"ssh__wire__types": "import commands, kernel.x"},
}


@pytest.mark.parametrize("files", UPWARD.values(), ids=UPWARD.keys())
def test_an_import_that_points_up_is_allowed(tree: Tree, files: dict[str, str]) -> None:
    assert wrong_imports(tree(**files)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio",
        "from asyncio import sleep",
        "def f():\n    import socket",
        "import threading as t",
        "from IPython.core import magic",
        "import os\nos.environ['HOME']",
        "import os\nhome = os.getenv('HOME')",
        "from os import environ",
    ],
)
@pytest.mark.parametrize("room", ["wire", "agent", "keygen", "adding"])
def test_an_impure_module_is_found(tree: Tree, room: str, text: str) -> None:
    name = f"ssh__{room}__messages"
    assert len(impurities(tree(**{name: text}))) == 1
    assert impurities(tree(**{name: "import os\nos.urandom(8)", "ssh__net__dial": text})) == []


def test_a_long_file_is_found(tree: Tree) -> None:
    where = tree(ssh__wire__short="\n" * 600, ssh__wire__long="\n" * 601)
    assert long_files(where) == ["jupyter_ssh/ssh/wire/long.py: 601 lines"]


def test_a_full_folder_is_found(tree: Tree, tmp_path: Path) -> None:
    files = {
        f"ssh__{folder}__m{number}": "" for folder, count in (("wire", 20), ("keys", 21)) for number in range(count)
    }
    page = tmp_path / "labextension" / "src" / "panels"
    page.mkdir(parents=True)
    for number in range(21):
        (page / f"m{number}.{'ts' if number % 2 else 'tsx'}").touch()
    tree(ssh__keys__types__ed25519="", **files)
    assert crowded_folders(tmp_path) == ["jupyter_ssh/ssh/keys: 21 files", "labextension/src/panels: 21 files"]


CIRCLES = {
    "two files": {
        "ssh__wire__a": "from jupyter_ssh.ssh.wire.b import B",
        "ssh__wire__b": "import jupyter_ssh.ssh.wire.a",
    },
    "over a third": {
        "ssh__wire__a": "from jupyter_ssh.ssh.wire import b",
        "ssh__wire__b": "from . import c",
        "ssh__wire__c": "from .a import A",
    },
    "in a function": {
        "ssh__wire__a": "from jupyter_ssh.ssh.wire.b import B",
        "ssh__wire__b": "def late():\n    from jupyter_ssh.ssh.wire.a import A",
    },
    "for types only": {
        "ssh__wire__a": "from jupyter_ssh.ssh.wire.b import B",
        "ssh__wire__b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from jupyter_ssh.ssh.wire.a import A",
    },
    "with the file of the package": {
        "ssh__wire__": "from jupyter_ssh.ssh.wire.a import A",
        "ssh__wire__a": "from jupyter_ssh.ssh.wire import A",
    },
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES.keys())
def test_a_circle_is_found(tree: Tree, files: dict[str, str]) -> None:
    where = tree(ssh__wire__beside="from jupyter_ssh.ssh.wire import a", **files)
    assert [set(knot) for knot in knots(python_imports(where))] == [
        {
            where.joinpath("jupyter_ssh", *name.split("__")[:-1], f"{name.split('__')[-1] or '__init__'}.py")
            for name in files
        }
    ]
    assert [line.count(" -> ") for line in circles(where)] == [len(files)]


def test_ways_that_do_not_come_back_are_no_circle(tree: Tree) -> None:
    where = tree(
        ssh__wire__="from jupyter_ssh.ssh.wire.a import A",
        ssh__wire__a="from jupyter_ssh.ssh.wire import b, c",  # modules: the package's own file is not what is meant
        ssh__wire__b="from jupyter_ssh.ssh.wire.c import C",
        ssh__wire__c="import asyncio",
    )
    assert circles(where) == []


def test_every_knot_shows_its_shortest_circle(tree: Tree) -> None:
    where = tree(
        ssh__wire__a="from jupyter_ssh.ssh.wire import b",
        ssh__wire__b="from jupyter_ssh.ssh.wire import c",
        ssh__wire__c="from jupyter_ssh.ssh.wire import a, d",
        ssh__wire__d="from jupyter_ssh.ssh.wire import c",
        ssh__keys__a="from jupyter_ssh.ssh.keys import b",
        ssh__keys__b="from jupyter_ssh.ssh.keys import a",
    )
    assert [[Path(file).stem for file in line.split(" -> ")] for line in circles(where)] == [list("aba"), list("cdc")]


@pytest.mark.parametrize(
    "text",
    [
        "import { A } from './a';",
        "import type {\n  A\n} from '../stream/a';",
        "export * from './a';",
        "const a = await import('./a');",
        "import './a';",
    ],
)
def test_a_circle_of_the_page_is_found(tmp_path: Path, text: str) -> None:
    page = tmp_path / "labextension" / "src" / "stream"
    page.mkdir(parents=True)
    (page / "a.ts").write_text("import { B } from './b';\nimport { C } from '@lumino/widgets';")
    (page / "b.tsx").write_text(text)
    (page / "index.ts").write_text("export { A } from './a';")
    assert circles(tmp_path) == [
        "labextension/src/stream/a.ts -> labextension/src/stream/b.tsx -> labextension/src/stream/a.ts"
    ]
    (page / "a.ts").write_text("import { B } from '.';")
    assert len(circles(tmp_path)) == 1
    (page / "index.ts").write_text("// export { A } is imported from nowhere")
    assert circles(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["ROWS = [\n    1,\n]  # fmt: skip", "# fmt: off", "row(*('a', 'b'), c)", "ROWS = (*[1, 2], 3)"]
)
def test_a_trick_against_the_formatter_is_found(tree: Tree, text: str) -> None:
    assert len(formatter_tricks(tree(ssh__config__keywords=text))) == 1
    assert formatter_tricks(tree(ssh__config__keywords="row('a', *rest, *(x for x in y), *())")) == []


REACHES = [
    "server._connections.clear()",
    "from jupyter_ssh.ssh.keys.files.openssh_file import _armour",
    "monkeypatch.setattr(server, '_connections', [])",
    "monkeypatch.setattr('jupyter_ssh.ssh.server.Server._connections', [])",
    "count = getattr(server, '_connections')",
    "assert self.server._connections",
    "assert server._connections  # noqa: SLF001",
    "# why\n\nassert server._connections",
    "# why the class is there\nclass Test:\n    def test(self):\n        assert server._connections",
    "class Own:\n    def __init__(self):\n        other._name = 1",
]


@pytest.mark.parametrize("text", REACHES)
def test_an_unexplained_private_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(text)
    assert len(unexplained_privates(tmp_path)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "server._connections.clear()  # why",
        "# why\nserver._connections.clear()",
        "# why\nassert check(\n    1,\n    server._connections,\n)",
        "assert check(\n    1,\n    server._connections,  # why\n)",
        "self._own = cls._own",
        "class Own:\n    def __init__(self):\n        self._name = 1\n\nassert Own()._name",
        "class Own:\n    def _method(self):\n        pass\n\nOwn()._method()",
        "card._repr_html_()",
        "module.__name__",
        "getattr(server, 'connections')",
    ],
)
def test_own_and_explained_privates_are_allowed(tmp_path: Path, text: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(text)
    assert unexplained_privates(tmp_path) == []


def test_a_notebook_saved_with_output_is_found(tmp_path: Path) -> None:
    clean = {"cell_type": "code", "outputs": [], "execution_count": None}
    printed = {**clean, "outputs": [{"output_type": "stream"}]}
    counted = {**clean, "execution_count": 3}
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "a.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "markdown"}, clean, printed, counted]})
    )
    assert [line.split(": ")[1].split(" was")[0] for line in notebook_leftovers(tmp_path)] == ["cell 2", "cell 3"]


@pytest.mark.parametrize("path", ["/root" + "/.venv", "at /work" + "/main", "/home" + "/mallory/x"])
def test_a_machines_folder_is_recognised(path: str) -> None:
    assert MACHINE_PATH.search(path)


@pytest.mark.parametrize("path", ["~/.ssh", "/home/alice/.ssh", "tests/root/", "/etc/ssh/", "https://x.example/work/"])
def test_other_paths_are_not(path: str) -> None:
    assert not MACHINE_PATH.search(path)


# --- peers that are not installed -------------------------------------------------------------------------------------


def test_a_missing_peer_skips_here_and_fails_where_ci_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install Debian's no-such-package"):
        require_tool("no-such-command", "no-such-package")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="install Debian's no-such-package"):
        require_tool("no-such-command", "no-such-package")
