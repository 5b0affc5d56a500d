"""Keys that ssh-keygen made, for the tests of ``jupyter-ssh keygen``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.identities import run_quietly, ssh_keygen
from tests.support.keygen import Twins
from tests.support.peers import require_tool

PASSPHRASE = "open sesame"
KEYS = {
    "ed25519": ("ed25519", None),
    "ecdsa": ("ecdsa", 256),
    "ecdsa384": ("ecdsa", 384),
    "ecdsa521": ("ecdsa", 521),
    "rsa": ("rsa", 2048),
    "short_rsa": ("rsa", 1024),
    "dsa": ("dsa", None),
    "locked": ("ed25519", None),
    "locked_rsa": ("rsa", 2048),
}


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key of each kind: NAME and NAME.pub."""
    folder = tmp_path_factory.mktemp("keys")
    for name, (key_type, bits) in KEYS.items():
        ssh_keygen(folder / name, key_type, bits=bits)
    tool = require_tool("ssh-keygen", "openssh-client")
    for name in ("locked", "locked_rsa"):
        # Few rounds, or opening it again and again would take most of the tests' time.
        run_quietly([tool, "-q", "-p", "-N", PASSPHRASE, "-a", "1", "-f", str(folder / name)])
    run_quietly([tool, "-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-C", "of a PEM file", "-f", str(folder / "pem")])
    run_quietly([tool, "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / "nameless")])
    return folder


@pytest.fixture
def twins(tmp_path: Path, made_keys: Path) -> Twins:
    """Two folders with all the keys."""
    pair = Twins(tmp_path)
    pair.copy(*made_keys.iterdir())
    return pair
