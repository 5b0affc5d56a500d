"""The distribution's name in each text that names it, and the warning of another project's package beside it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from jupyter_ssh.installation import DISTRIBUTION, FOREIGN, foreign_package
from tests.support.jupyter import install_foreign

ROOT = Path(__file__).resolve().parents[2]
TEXTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("jupyter_ssh/**/*.py"))
INSTALL = re.compile(r"pip install (?:--?\w[\w-]* )*[\"']?(jupyter[\w-]*)", re.IGNORECASE)


def test_this_package_is_installed_under_its_own_name():
    assert any(file.name == "entry_points.txt" for file in metadata.files(DISTRIBUTION) or ())
    assert foreign_package() is None


def test_each_text_that_says_what_to_install_says_the_right_name():
    named = {(path.name, name) for path in TEXTS for name in INSTALL.findall(path.read_text())}
    assert named
    others = {"jupyterlab", DISTRIBUTION}
    assert not [(file, name) for file, name in named if name.partition("[")[0] not in others]


@pytest.mark.parametrize("foreign", [False, True])
def test_loading_warns_of_the_other_package(tmp_path, foreign):
    path = [str(install_foreign(tmp_path / "site"))] if foreign else []
    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_line_magic('load_ext', 'jupyter_ssh')\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)]), "IPYTHONDIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    expected = f"pip uninstall --yes {FOREIGN} {DISTRIBUTION}, then pip install {DISTRIBUTION}"
    assert (expected in ended.stderr) is foreign
    assert ("jupyter-ssh 9.8 is installed here as well" in ended.stderr) is foreign
