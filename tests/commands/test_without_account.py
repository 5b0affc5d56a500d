"""A user id without an account, as random ones in containers: the number is the name; a home folder must be named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh.keys import load_public_key
from tests.support.fixtures import watch
from tests.support.servers import PeerServer, start_openssh
from tests.support.tree import TREE

NUMBER = 61234
SECONDS = 120
# The interpreter may be in a folder of root's.
SETPRIV = f"setpriv --reuid {NUMBER} --regid {NUMBER} --clear-groups --inh-caps=+dac_read_search"
NO_HOME = "no home folder"

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root may run programs as nobody in particular",
)


def run(words: list[str], home: Path | None, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(TREE), **variables}
    if home is not None:
        environment["HOME"] = str(home)
    return subprocess.run(
        [*SETPRIV.split(), "--ambient-caps=+dac_read_search", sys.executable, *words],
        env=environment,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        start_new_session=True,
    )


def command(*words: str) -> list[str]:
    return ["-m", "jupyter_ssh.commands", *words]


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder of that user's, outside of pytest's, which are root's alone."""
    folder = Path(f"/tmp/jupyter-ssh-{NUMBER}-{os.getpid()}")
    folder.mkdir(mode=0o700)
    os.chown(folder, NUMBER, NUMBER)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeerServer]:
    started = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd")))
    yield started
    started.stop()


def test_the_number_is_the_user(home: Path) -> None:
    done = run(command("ssh", "-G", "box"), home, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"user {NUMBER}" in done.stdout.splitlines()
    done = run(command("ssh", "-G", "box"), home, home, LOGNAME="jovyan")
    assert "user jovyan" in done.stdout.splitlines()


def test_ssh_connects(server: PeerServer, home: Path) -> None:
    key = home / "key"
    shutil.copy(server.client_key, key)
    os.chown(key, NUMBER, NUMBER)
    words = ["-i", str(key), "-p", str(server.port), "-oStrictHostKeyChecking=accept-new", "-oUpdateHostKeys=no"]
    done = run(command("ssh", *words, f"{server.user}@{server.host}", "echo here"), home, home)
    assert (done.returncode, done.stdout) == (0, "here\n"), done.stderr
    assert (home / ".ssh" / "known_hosts").stat().st_uid == NUMBER


@pytest.mark.parametrize("words", [("ssh", "-G", "box"), ("ssh", "box", "true"), ("ssh", "--doctor", "box")])
def test_ssh_without_a_home(words: tuple[str, ...], home: Path) -> None:
    done = run(command(*words), None, home)
    assert done.returncode == 255
    assert NO_HOME in done.stdout + done.stderr
    assert "Set HOME" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_is_made_with_the_number_as_its_comment(home: Path) -> None:
    done = run(command("keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key"), None, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_public_key(home / "key.pub")[1].startswith(f"{NUMBER}@")
    done = run(command("keygen", "-q", "-t", "ed25519", "-N", "", "-f", "~/key2"), home, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / "key2").exists()


@pytest.mark.parametrize("words", [("-F", "host"), ("-R", "host"), ("-l", "-f", "~/key"), ("-q", "-N", "")])
def test_keygen_without_a_home(words: tuple[str, ...], home: Path) -> None:
    done = run(command("keygen", *words), None, home)
    assert done.returncode == 255
    assert NO_HOME in done.stderr
    assert "Traceback" not in done.stderr


def test_add(home: Path) -> None:
    for place in (home, None):
        done = run(command("add", "-l"), place, home)
        assert "Traceback" not in done.stderr
        assert "agent" in done.stderr
    done = run(command("add"), None, home, SSH_AUTH_SOCK=str(home / "none"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_sshd(home: Path) -> None:
    done = run(command("sshd", "-t"), home, home)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.rglob("host_ed25519"))
    for words in (("-t",), ("-t", "-f", "~/config"), ("-t", "-o", "Banner=~/banner")):
        done = run(command("sshd", *words), None, home)
        assert "Traceback" not in done.stderr
        assert done.stderr
    done = run(command("sshd", "-t"), None, home, XDG_DATA_HOME=str(home / "data"))
    assert (done.returncode, done.stderr) == (0, "")
    done = run(command("sshd", "-t", "-f", "~nobody-at-all/config"), home, home)
    assert "~nobody-at-all/config: No such file or directory" in done.stderr


NOTEBOOK = """
import asyncio
from IPython.core.interactiveshell import InteractiveShell
from jupyter_ssh.kernel.hosts import known_names
from jupyter_ssh.magics.completion import complete
from jupyter_ssh.ssh import connect
from jupyter_ssh.ssh.errors import SSHError
from jupyter_ssh.kernel.place import host_process
print(known_names())
for line in ("%ssh bo", "%ssh_keygen -R bo", "%ssh_keygen -f ~/x -R bo", "%ssh_add ~/", "%ssh -i ~/"):
    complete(line)
async def try_to_connect():
    try:
        await connect("box", port=1)
    except SSHError as error:
        print(error)
asyncio.run(try_to_connect())
"""


def test_a_kernel(home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text("Host box\n HostName 127.0.0.1\n")
    done = run(["-c", NOTEBOOK], home, home, IPYTHONDIR=str(home))
    assert (done.returncode, done.stderr) == (0, "")
    assert "box" in done.stdout.splitlines()[0]
    done = run(["-c", NOTEBOOK], None, home, IPYTHONDIR=str(home))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "[]"
    assert NO_HOME in done.stdout


def test_a_place(home: Path) -> None:
    program = """
import asyncio
from jupyter_ssh.pages.place import Place
async def main():
    place = Place("host")
    await place.listen()
    print(place.listener is not None)
    await place.close()
asyncio.run(main())
"""
    runtime = home / "runtime"
    assert run(["-c", program], home, home).stdout == "True\n"
    assert run(["-c", program], None, home, JUPYTER_RUNTIME_DIR=str(runtime)).stdout == "True\n"
    done = run(["-c", program], None, home)
    assert done.stdout == "False\n", done.stderr
    assert "Traceback" not in done.stderr


def test_the_account_of_a_server_is_the_number(home: Path) -> None:
    program = "from jupyter_ssh.ssh.server.logins.accounts import current_account; print(current_account())"
    done = run(["-c", program], None, home)
    assert done.stdout == f"Account(name='{NUMBER}', home='/', shell='/bin/sh', root=False)\n"


def test_the_demo_reads_no_files_of_nobody(home: Path) -> None:
    program = """
from pathlib import Path
from jupyter_ssh.commands.demo.remote import _written  # the rest of a demo needs a browser
from jupyter_ssh.commands.messages import Messages
_written(Path("."), ["Host demo"], Messages("INFO"))
"""
    done = run(["-c", program], None, home)
    assert (home / "ssh_config").read_text() == "Host demo\n"
    assert "Traceback" not in done.stderr
