"""The wheel carries the built labextension: it is installed and served by a Python that has no Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from tests.browser.lab import running_lab
from tests.notebook.kernels import ROOT, environment
from tests.support.processes import wait_until

EXTENSION = "share/jupyter/labextensions/jupyterlab-ssh"

if sys.platform == "win32":
    pytest.skip("folders of POSIX environments", allow_module_level=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by hatch with the tools of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    answer = subprocess.run([*command, "--wheel-dir", folder, ROOT], capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_extension_once_and_nothing_of_its_sources(wheel: Path) -> None:
    assert wheel.name.startswith("jupyterlab_ssh-")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        manifest = next(name for name in names if name.endswith(f"{EXTENSION}/package.json"))
        package = json.loads(archive.read(manifest))
    assert len([name for name in names if "remoteEntry" in name]) == 1
    assert package["name"] == "jupyterlab-ssh"
    assert not [name for name in names if "node_modules" in name or name.endswith(".ts") or "labextension/src" in name]
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/jupyter_ssh.json") for name in names)


def test_the_versions_of_both_halves_are_one() -> None:
    import jupyter_ssh

    package = json.loads((ROOT / "labextension" / "package.json").read_text())
    assert package["version"] == jupyter_ssh.__version__


def test_yarn_lock_names_no_address() -> None:
    assert "http" not in (ROOT / "labextension" / "yarn.lock").read_text()


def test_an_environment_without_node_serves_it(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    packages = next((folder / "lib").glob("python3*/site-packages"))
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    # The dependencies are those of the tests' environment; the package itself is the wheel's, which comes first.
    here = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (packages / "tests.pth").write_text(f"{here}\n")
    env = {**environment(tmp_path, tmp_path / "none"), "PATH": str(folder / "bin")}
    del env["PYTHONPATH"]
    where = subprocess.run(
        [python, "-c", "import jupyter_ssh, shutil; print(jupyter_ssh.__file__, shutil.which('node'))"],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert where.split() == [str(packages / "jupyter_ssh" / "__init__.py"), "None"]
    # Lab finds its own application where it is installed.
    env["JUPYTERLAB_DIR"] = os.path.join(sys.prefix, "share", "jupyter", "lab")
    root = tmp_path / "root"
    root.mkdir()
    with running_lab(root, env, python=str(python)) as lab:
        text = wait_until(lambda: read(f"{lab.url}lab?token={lab.token}"), "JupyterLab answers", 60).decode()
        built = json.loads((folder / EXTENSION / "package.json").read_text())["jupyterlab"]["_build"]["load"]
        assert built in text.replace("\\/", "/").replace("\\u002f", "/")
        url = f"{lab.url}lab/extensions/jupyterlab-ssh/{built}?token={lab.token}"
        assert b"jupyterlab-ssh" in (read(url) or b"")
        answer = read(f"{lab.url}jupyter-ssh/api/terminals?token={lab.token}")
        assert json.loads(answer or b"null") == {"places": []}


def read(url: str) -> bytes | None:
    """What the server gives, None while it does not listen yet."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError:
        raise
    except OSError:
        return None
