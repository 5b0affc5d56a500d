"""Every type of host key and of user key with a peer: which ones it knows, and keys of all of them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

from jupyter_ssh.ssh.keys import PrivateKey, save_private_key
from jupyter_ssh.ssh.keys.types.table import KEY_TYPES, SIGNATURE_ALGORITHMS
from tests.support import made_keys
from tests.support.made_keys import PLAIN_TYPE, SoftwareSecurityKey


def all_keys() -> list[PrivateKey]:
    """One of each type, security keys among them."""
    return [key_of(name) for name in KEY_TYPES]


class DeviceAtHand(SoftwareSecurityKey):
    """A security key that needs no agent to reach its device."""

    needs_agent = False


@functools.cache
def device(key_type: str) -> PrivateKey:
    """One security key of each type."""
    return DeviceAtHand(key_type)


def key_of(key_type: str) -> PrivateKey:
    """The key of a type that is used in the whole matrix."""
    key = device(key_type) if key_type in PLAIN_TYPE else made_keys.key_of(key_type)
    key.comment = "made for a test"  # Paramiko reads no file that has neither comment nor padding
    return key


def key_for(algorithm: str) -> PrivateKey:
    """The key that signs with it."""
    return key_of(SIGNATURE_ALGORITHMS[algorithm].key_type)


def ours(names: Iterable[str]) -> list[str]:
    """Those that are in our table, in its order."""
    known = set(names)
    return [name for name in SIGNATURE_ALGORITHMS if name in known]


def key_files(folder: Path, algorithms: Iterable[str]) -> list[Path]:
    """Private key files in OpenSSH's format, one for each type that is needed and can be in a file."""
    folder.mkdir(exist_ok=True)
    paths = []
    for key_type in dict.fromkeys(SIGNATURE_ALGORITHMS[name].key_type for name in algorithms):
        if key_type not in PLAIN_TYPE:
            paths.append(folder / key_type.partition("@")[0])
            save_private_key(paths[-1], key_of(key_type))
    return paths


def pairs(host_keys: list[str], user_keys: list[str]) -> Iterator[tuple[str, str]]:
    """As few pairs as will do for each of both to be in one of them."""
    return islice(zip(cycle(host_keys), cycle(user_keys)), max(len(host_keys), len(user_keys)))
