"""Advice is true wherever its error is shown: what it refers to is there, and what it says to type exists there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.ssh import AuthenticationError, SSHError
from jupyter_ssh.ssh.client.connecting import resolve_options
from jupyter_ssh.ssh.client.report import surfaces
from jupyter_ssh.ssh.client.report.advice import TABLE, advise
from jupyter_ssh.ssh.client.report.failures import Failure
from jupyter_ssh.ssh.errors import ConfigError
from tests.support.embedded import embedded_in_loop
from tests.support.identities import ssh_keygen
from tests.support.tree import TREE
from tests.unit.client.conftest import reach

OWNER = (
    "This file decides where your passwords are sent and which programs are run, so nobody else may be able to write "
    "to it."
)
OURS = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]


@pytest.fixture(autouse=True)
def _in_a_shell() -> Iterator[None]:
    before = surfaces.set_surface(lambda: surfaces.SHELL)
    yield
    surfaces.set_surface(before)


def test_no_advice_points_at_what_may_not_be_there() -> None:
    for row in TABLE:
        assert " above" not in row.text, row.name
        assert "%ssh" not in row.text, row.name  # a field says what it is called where the error is shown


@pytest.mark.parametrize("keywords", [{}, {"port": 2}])
def test_an_option_that_is_in_no_file(keywords: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_options("x", "none", ["IPQoS=bogus"], keywords)
    assert "file" not in str(caught.value)
    assert "above" not in str(caught.value)
    assert caught.value.next_step is None
    with pytest.raises(ConfigError) as caught:
        resolve_options("x", "none", (), {"ip_qos": "bogus"})
    assert "file" not in str(caught.value)


def test_an_option_of_the_command_is_in_no_file() -> None:
    words = [*OURS, "-F", "none", "-G", "-o", "IPQoS=bogus", "x"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=TREE, timeout=60, check=False)
    assert done.returncode == 255
    assert "file" not in done.stderr
    assert "above" not in done.stderr
    assert "-G HOST" not in done.stderr  # which would say the same


def test_a_file_of_another_owner_is_not_mended_by_its_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "included"
    file.write_text("Port 22\n")
    file.chmod(0o600)
    config = tmp_path / "config"
    config.write_text(f"Include {file}\n")
    monkeypatch.setattr("os.getuid", lambda: 4321)
    if file.stat().st_uid == 0:  # root's files are as good as one's own
        os.chown(file, 4322, -1)
    with pytest.raises(ConfigError) as caught:
        resolve_options("x", config, (), {})
    assert caught.value.next_step == f"Run: chown 4321 {file}. {OWNER}"


LOST = """
import sys
from jupyter_ssh.kernel.engine import get_engine
from jupyter_ssh.ssh.client.connecting import resolve_options
from jupyter_ssh.ssh.client.report.advice import advise
from jupyter_ssh.ssh.client.report.failures import Failure
from jupyter_ssh.ssh.errors import ConnectionLost
from jupyter_ssh.ssh.protocol.roles import Phase

def show():
    error = ConnectionLost("the connection was lost", phase=Phase.OPEN.value)
    advise(Failure(error, resolve_options("somewhere", "none", (), {}), Phase.OPEN))
    print(error.next_step)

show()
get_engine()
show()
import jupyter_ssh.magics
show()
"""


def test_there_are_magics_where_the_extension_is_loaded() -> None:
    shown = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=60, check=True)
    first, with_engine, with_magics = shown.stdout.splitlines()
    assert first == with_engine == "The server went down or the network failed. Connect again."
    assert "after `%ssh --reconnect somewhere` every use" in with_magics


async def refused(tmp_path: Path, methods: tuple[str, ...], **options: object) -> AuthenticationError:
    async with embedded_in_loop(tmp_path / "server", methods=methods) as server:
        with pytest.raises(AuthenticationError) as caught:
            await reach(server, identity_file=[], **options)
    return caught.value


async def test_what_batch_mode_did_not_try_is_not_called_tried(tmp_path: Path) -> None:
    error = await refused(tmp_path, ("password",), batch_mode=True)
    assert error.received == "tried nothing; not tried: password: you may not be asked (BatchMode)"
    assert error.next_step == "To log in, connect without BatchMode."  # no key would be accepted


async def test_with_keys_a_login_without_a_question_is_possible(tmp_path: Path) -> None:
    error = await refused(tmp_path, ("publickey", "password"), batch_mode=True)
    assert "()" not in str(error)
    assert "to an agent (`jupyter-ssh add`)" in (error.next_step or "")
    assert (error.next_step or "").endswith("otherwise connect without BatchMode.")
    surfaces.set_surface(lambda: surfaces.MAGICS)
    error = await refused(tmp_path / "again", ("publickey", "password"), batch_mode=True)
    assert "to an agent (`%ssh_add`)" in (error.next_step or "")


async def test_a_key_without_its_private_half(tmp_path: Path) -> None:
    public = ssh_keygen(tmp_path / "id").rename(tmp_path / "moved").parent / "id.pub"
    for shown, word in ((surfaces.SHELL, "agent with jupyter-ssh add."), (surfaces.MAGICS, "agent with %ssh_add.")):
        surfaces.set_surface(lambda shown=shown: shown)
        async with embedded_in_loop(tmp_path / shown.add.strip("%")) as server:
            with pytest.raises(AuthenticationError) as caught:
                await reach(server, identity_file=str(public), preferred_authentications="publickey")
        assert word in (caught.value.next_step or ""), caught.value


async def test_a_refused_key_was_tried(tmp_path: Path) -> None:
    async with embedded_in_loop(tmp_path / "server") as server:
        server.authorized_keys.write_text("")
        with pytest.raises(SSHError) as caught:
            await reach(server, batch_mode=True)
    received = caught.value.received or ""
    tried, found, left_out = received.partition("; not tried: ")
    assert found
    assert tried.startswith("tried publickey (")
    assert "refused" in tried
    assert left_out == "password: you may not be asked (BatchMode)"


def test_too_many_wrong_passwords_are_not_too_many_keys() -> None:
    error = AuthenticationError("authentication failed for a@b", phase="authentication")
    error.attempts, error.methods, error.too_many = (("password", "a password", "refused"),) * 3, ("password",), 3
    row = advise(Failure(error, resolve_options("a@b", "none", (), {})))
    assert row is not None
    assert row.name == "too-many-answers"
    assert "key" not in (error.next_step or "")
