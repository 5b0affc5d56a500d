"""Chromium, once for the tests of a file; a JupyterLab and the machines it reaches, once for all files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.lab import FLAGS, Lab, chromium, lab_with
from tests.browser.terminals import build_labextension
from tests.notebook.remotes import embedded_server
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
def shared_lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab without notebooks; "demo" is the embedded server and "box" OpenSSH's."""
    build_labextension()
    folder = tmp_path_factory.mktemp("lab")
    sshd = watch(request.node, start_openssh(tmp_path_factory.mktemp("sshd")))
    try:
        with embedded_server(folder) as remote, lab_with(folder, {}, demo=remote, box=sshd) as lab:
            yield lab
    finally:
        sshd.stop()
