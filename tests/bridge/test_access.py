"""Who is let in: the endpoint with each of its credentials missing, and with addresses that are none."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_ssh.pages.rendezvous import FOLDER
from tests.notebook.kernels import environment, write_config
from tests.notebook.remotes import Remote
from tests.support.jupyter import JupyterServer, ServerKernel, page, refused_handshake, running_server

CONFIG = """
from jupyter_server.auth import Authorizer, IdentityProvider, User

class People(IdentityProvider):
    async def get_user(self, handler):
        token = handler.request.headers.get("Authorization", "").removeprefix("token ")
        name = {"owner-token": "owner", "reader-token": "reader", "clerk-token": "clerk"}.get(token)
        return User(name) if name else None

    def is_token_authenticated(self, handler):
        return handler.request.method != "GET"  # as if a cookie had let the WebSocket in: the origin counts

class Rules(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        refused = {"reader": ("kernels", "terminals"), "clerk": ("terminals",)}.get(user.username, ())
        return not (action == "execute" and resource in refused)

c.ServerApp.identity_provider_class = People
c.ServerApp.authorizer_class = Rules
"""
"""A server on which the token "reader" may look and not execute; on kernels or terminals, as the resource says."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, remote: Remote) -> Iterator[JupyterServer]:
    """A server with several people."""
    folder = tmp_path_factory.mktemp("shared")
    config = folder / "config.py"
    config.write_text(CONFIG)
    env = environment(folder, write_config(folder, box=remote))
    with running_server(folder, env, f"--config={config}") as server:
        server.token = "owner-token"
        yield server


@pytest.fixture(scope="module")
def shared_kernel(shared: JupyterServer) -> Iterator[ServerKernel]:
    kernel = shared.start_kernel()
    kernel.run("import jupyter_ssh.kernel.terminals.starting as starting; starting.start_service();")
    yield kernel
    kernel.stop()


async def refused(server: JupyterServer, place: str, **options: object) -> int | None:
    """The code with which a page is closed that should not be let in."""
    async with page(server, place, hello=False, **options) as visitor:  # type: ignore[arg-type]
        code = await visitor.closed()
        assert visitor.frames == []
        return code


async def test_the_owner_is_let_in(shared: JupyterServer, shared_kernel: ServerKernel) -> None:
    async with page(shared, shared_kernel.id) as visitor:
        assert visitor.welcome["place"] == shared_kernel.id


@pytest.mark.parametrize("token", ["", "wrong", "reader-token"])
async def test_who_may_not_execute_is_not_let_in(
    shared: JupyterServer, shared_kernel: ServerKernel, token: str
) -> None:
    assert await refused(shared, shared_kernel.id, token=token) == 4401
    assert await refused(shared, "host", token=token) == 4401


async def test_kernels_and_terminals_are_two_rights(shared: JupyterServer, shared_kernel: ServerKernel) -> None:
    async with page(shared, shared_kernel.id, token="clerk-token"):
        pass
    assert await refused(shared, "host", token="clerk-token") == 4401


def test_a_page_of_another_origin_is_not_let_in(shared: JupyterServer, shared_kernel: ServerKernel) -> None:
    assert refused_handshake(shared, shared_kernel.id, Origin="http://evil.example") == 403
    own = shared.url.rstrip("/")
    assert refused_handshake(shared, shared_kernel.id, Origin=own) == 101


def test_rest_asks_for_the_same_rights(shared: JupyterServer, shared_kernel: ServerKernel) -> None:
    def status(method: str, path: str, token: str) -> int:
        with pytest.raises(urllib.error.HTTPError) as caught:
            shared.request(method, path, token=token)
        caught.value.close()
        return caught.value.code

    for token in ("", "wrong"):
        assert status("GET", "jupyter-ssh/api/terminals", token) == 403
        assert status("POST", "jupyter-ssh/api/host", token) == 403
    assert status("POST", "jupyter-ssh/api/host", "reader-token") == 403
    assert status("POST", "jupyter-ssh/api/host", "clerk-token") == 403
    assert status("GET", "jupyter-ssh/api/host", "owner-token") == 405
    assert shared.request("GET", "jupyter-ssh/api/terminals", token="reader-token") == {"places": []}
    [place] = shared.request("GET", "jupyter-ssh/api/terminals", token="clerk-token")["places"]
    assert place["place"] == shared_kernel.id
    assert place["sessions"] == []


@pytest.mark.parametrize(
    "place",
    [
        "../host",
        "..%2Fhost",
        "host%00",
        "host/x",
        "HOST",
        "a-b-c-d-e%2F..%2Fhost",
        "%2e%2e",
        "a" * 3000,
        "host.json",
    ],
)
def test_what_is_no_place_is_no_address(shared: JupyterServer, place: str) -> None:
    assert refused_handshake(shared, place) in (403, 404)


async def test_a_kernel_that_this_server_has_not(shared: JupyterServer, shared_kernel: ServerKernel) -> None:
    assert await refused(shared, "00000000-0000-4000-8000-000000000000") == 4404
    # Even where a file of that name lies in the folder: it is of another server, or forged.
    folder = shared.runtime / FOLDER
    found = folder / f"{shared_kernel.id}.json"
    forged = folder / "00000000-0000-4000-8000-000000000000.json"
    forged.write_text(json.dumps({**json.loads(found.read_text()), "place": forged.stem}))
    forged.chmod(0o600)
    assert await refused(shared, forged.stem) == 4404
    forged.unlink()


async def test_a_kernel_without_terminals_and_one_with_a_leftover_file(jupyter: JupyterServer) -> None:
    kernel = jupyter.start_kernel()
    try:
        assert await refused(jupyter, kernel.id) == 4404
        kernel.run("import jupyter_ssh.kernel.terminals.starting as starting; starting.start_service();")
        async with page(jupyter, kernel.id):
            pass
        file = jupyter.runtime / FOLDER / f"{kernel.id}.json"
        place = json.loads(file.read_text())
        socket = Path(place["path"])
        socket.rename(socket.with_suffix(".aside"))
        assert await refused(jupyter, kernel.id) == 4404
        socket.with_suffix(".aside").rename(socket)
        file.write_text(json.dumps({**place, "token": "00" * 32}))
        assert await refused(jupyter, kernel.id) == 4404
        file.write_text(json.dumps({**place, "node": "another machine"}))
        async with page(jupyter, kernel.id) as elsewhere:
            assert elsewhere.welcome["through"] == "channels"
        file.write_text(json.dumps(place))
        async with page(jupyter, kernel.id):
            pass
    finally:
        kernel.stop()
