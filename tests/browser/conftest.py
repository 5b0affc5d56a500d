"""Chromium, once for the tests of a file; a JupyterLab and the machines it reaches, once for all files.

What a file doesn't define itself is here: `lab`, `context`, `lab_page` and `page`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.lab import FLAGS, MILLISECONDS, Lab, chromium, lab_with
from tests.browser.terminals import build_labextension, end_all, open_lab
from tests.notebook.remotes import Remote, embedded_server
from tests.support.fixtures import watch
from tests.support.servers import start_openssh

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = chromium()
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    with embedded_server(tmp_path_factory.mktemp("remote")) as remote:
        yield remote


@pytest.fixture(scope="session")
def shared_lab(
    request: pytest.FixtureRequest, shared_remote: Remote, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """JupyterLab; "demo" is the embedded server, "box" OpenSSH's, "stranger" has an unknown key and wants a password.

    It has the notebooks that a file writes into its folder.
    """
    build_labextension()
    folder = tmp_path_factory.mktemp("lab")
    stranger = (
        f"Host stranger\n    HostName {shared_remote.host}\n    Port {shared_remote.port}\n"
        f"    User {shared_remote.user}\n    PubkeyAuthentication no\n"
        f"    UserKnownHostsFile {folder / 'known'}\n    GlobalKnownHostsFile none",
        "Host other-one\n    HostName 127.0.0.1",
    )
    sshd = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd")))
    try:
        with lab_with(folder, {}, *stranger, demo=shared_remote, box=sshd) as lab:
            yield lab
    finally:
        sshd.stop()


@pytest.fixture(scope="module")
def lab(shared_lab: Lab) -> Lab:
    return shared_lab


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    """What pages share: the first has loaded JupyterLab for the others."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(MILLISECONDS)
    yield context
    context.close()


@pytest.fixture(scope="module")
def lab_page(context: Any, lab: Lab, request: pytest.FixtureRequest) -> Any:
    """A page in the file's own workspace."""
    page = context.new_page()
    open_lab(page, lab, request.path.stem)
    return page


@pytest.fixture
def page(lab_page: Any) -> Iterator[Any]:
    """The file's page; what a test opens ends with it."""
    yield lab_page
    end_all(lab_page)
