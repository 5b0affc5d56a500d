"""Each way a connection fails has one piece of advice, which a real failure leads to; the document says the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from jupyter_ssh.ssh.client.report.advice import TABLE
from jupyter_ssh.ssh.client.report.failures import Advice
from tests.peers.report.failures import SCENES, Stage
from tests.support.certificates import certify, make_authority
from tests.support.documents.advice import DOCUMENT, written
from tests.support.fixtures import watch
from tests.support.identities import ssh_keygen
from tests.support.processes import free_port
from tests.support.servers import PeerServer, start_openssh

Start = Callable[..., PeerServer]


@pytest.fixture(scope="module")
def sshd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Servers by their lines of sshd_config."""
    servers: dict[tuple[str, ...], PeerServer] = {}

    def start(*lines: str, host_key_types: tuple[str, ...] = ("ed25519",)) -> PeerServer:
        if lines not in servers:
            folder = tmp_path_factory.mktemp("sshd")
            servers[lines] = watch(request.node, start_openssh(folder, *lines, host_key_types=host_key_types))
        return servers[lines]

    yield start
    for server in servers.values():
        server.stop()


@pytest.fixture
async def stage(sshd: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(tmp_path, sshd, stack, monkeypatch)


def test_every_row_has_a_failure() -> None:
    assert [row.name for row in TABLE if row.name not in SCENES] == []
    assert {row.name for row in TABLE} == {*SCENES}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
async def test_the_advice_of_a_failure(row: Advice, stage: Stage) -> None:
    error = await SCENES[row.name](stage)
    assert error.advice == row.name, error
    pattern = row.shows.split("{")[0]
    assert pattern in error.message
    assert error.next_step
    assert "{" not in error.next_step
    assert error.next_step in str(error)
    assert error.phase
    assert "\x1b" not in str(error)
    if stage.again is not None:
        option = getattr(error, "option", "")
        assert f"-o {option}" in error.next_step
        async with stage.connects(**stage.again, command_line=[option]) as connection:
            assert connection.info.method


async def test_a_refused_key_matters_more_than_a_question_that_was_not_asked(stage: Stage) -> None:
    error = await stage.fails(stage.sshd(), identity_file=ssh_keygen(stage.folder / "id"), batch_mode=True)
    assert error.advice == "key-refused"


async def test_an_address_without_its_interface_is_not_blamed_on_bind_address(stage: Stage) -> None:
    """The system gives the same number for both."""
    error = await stage.fails(host="fe80::1")
    assert error.advice == "no-connection"
    assert "BindAddress" not in str(error)


async def test_a_refused_certificate_for_another_user(stage: Stage) -> None:
    key = ssh_keygen(stage.folder / "id")
    certify(make_authority(stage.folder), key, principals="somebody")
    error = await stage.fails(stage.sshd(), identity_file=key, preferred_authentications="publickey")
    assert "somebody" in (error.next_step or "")
    assert "id-cert.pub" in (error.next_step or "")


async def test_a_jump_host_that_fails_has_advice_of_its_own(stage: Stage) -> None:
    config = stage.folder / "config"
    config.write_text(f"Host jump\n HostName 127.0.0.1\n Port {free_port()}\n User hopper\n")
    config.chmod(0o600)
    error = await stage.fails(config=config, proxy_jump="jump")
    assert error.advice == "refused"
    assert error.message.startswith("jump host hopper@jump")
    assert error.via is not None
    assert error.via.startswith("hopper@jump")


async def test_what_the_server_said_last_is_told(stage: Stage) -> None:
    error = await stage.says(b"Come back\x1b[2J tomorrow.\r\nSSH-2.0-cut\r\n")
    assert error.received is not None
    assert "the server said last: 'Come back?[2J tomorrow.'" in error.received
    assert "The account is closed." in str(await SCENES["closed-at-login"](stage))


def test_the_document_says_what_the_table_says() -> None:
    # `python -m tests.support.documents.advice` writes it anew.
    assert DOCUMENT.read_text(encoding="utf-8") == written(DOCUMENT.read_text(encoding="utf-8"))
