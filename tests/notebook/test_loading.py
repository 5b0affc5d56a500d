"""Loading and unloading: what is registered, what is imported, whether a value is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAD = "from IPython.core.interactiveshell import InteractiveShell\nimport sys\nshell = InteractiveShell.instance()\n"


def run(code: str) -> str:
    """Run ``code`` in an interpreter of its own that has a shell; its stdout."""
    ended = subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_loading_imports_nothing_of_the_stack_and_starts_no_thread():
    code = (
        "import threading\n"
        "before = set(sys.modules), threading.active_count()\n"
        "shell.run_line_magic('load_ext', 'jupyter_ssh')\n"
        "assert threading.active_count() == before[1]\n"
        "new = set(sys.modules) - before[0]\n"
        "stack = ('jupyter_ssh.ssh', 'jupyter_ssh.kernel', 'cryptography')\n"
        "assert not [name for name in new if name.startswith(stack)]\n"
        "magics = shell.magics_manager.magics\n"
        "assert {'ssh', 'ssh_hosts', 'ssh_close'} <= set(magics['line'])\n"
        "assert 'ssh' in magics['cell']\n"
    )
    run(code)


def test_unloading_and_loading_again():
    code = (
        "count = len(shell.Completer.custom_matchers)\n"
        "for _ in range(2):\n"
        "    shell.run_line_magic('load_ext', 'jupyter_ssh')\n"
        "    assert len(shell.Completer.custom_matchers) == count + 1\n"
        "    shell.run_line_magic('reload_ext', 'jupyter_ssh')\n"
        "    assert len(shell.Completer.custom_matchers) == count + 1\n"
        "    shell.run_line_magic('unload_ext', 'jupyter_ssh')\n"
        "    assert len(shell.Completer.custom_matchers) == count\n"
        "    assert shell.find_line_magic('ssh') is shell.find_cell_magic('ssh') is None\n"
    )
    run(code)


@pytest.mark.parametrize(
    ("cell", "used"),
    [
        ("%probe", [False]),
        ("r = %probe", [True]),
        ("for _ in range(2):\n    %probe", [False, False]),
        ("if True:\n    r = %probe", [True]),
        ("1\n%probe\n2", [False]),
        ("def f():\n    %probe\n    return 1\nf()", [False]),
        ("print(get_ipython().run_line_magic('probe', ''))", [True]),
        ("r = [get_ipython().run_line_magic('probe', '')]", [True]),
        ("get_ipython().run_line_magic('probe', '')", [False]),
    ],
)
def test_whether_a_value_is_used(cell, used):
    code = (
        "from jupyter_ssh.magics.usage import value_is_used\n"
        "seen = []\n"
        "shell.register_magic_function(lambda line: seen.append(value_is_used(shell)), 'line', 'probe')\n"
        f"assert shell.run_cell({cell!r}).success\n"
        "print(seen, file=sys.__stderr__)\n"
        f"assert seen == {used!r}, seen\n"
    )
    run(code)
