"""A network of a test's own: Linux namespaces with the addresses and the host names that it wants."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.peers import require_tool

SECONDS = 110


def run_in_own_network(
    script: Sequence[str], *, files: Mapping[str, Path] | None = None, addresses: Sequence[str] = ()
) -> str:
    """What a shell script prints on stdout, with ``files`` over those of the system; skips where it may not be made.

    Whatever the script has started ends with it.
    """
    unshare = [require_tool("unshare", "util-linux"), "--net", "--mount", "--pid", "--fork", "--kill-child"]
    ip = require_tool("ip", "iproute2")
    if subprocess.run([*unshare, "true"], capture_output=True, timeout=SECONDS).returncode:
        pytest.skip("a network of one's own may not be made here")
    head = ["set -e", f"{ip} link set lo up"]
    head += [f"{ip} address add {address} dev lo" for address in addresses]
    head += [f"mount --bind {shlex.quote(str(source))} {target}" for target, source in (files or {}).items()]
    done = subprocess.run(
        [*unshare, "sh", "-c", "\n".join([*head, *script])], capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
