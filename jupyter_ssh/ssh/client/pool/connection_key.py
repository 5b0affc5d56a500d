"""When two requests for a connection can share one."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence

from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.keys.base import PrivateKey

_DECIDE_NOTHING = ("sources", "warnings", "ignored", "notes", "_written")
"""Fields of `Options` that record where the others come from."""


def connection_key(options: Options, files: str, keys: Sequence[PrivateKey] = ()) -> Hashable:
    """Return a key made of everything that decides how a host is reached and who logs in there.

    ``files`` stands for the configuration that jump hosts are looked up in; ``keys`` are those given in memory.
    """
    decided = [
        (field.name, repr(getattr(options, field.name)))
        for field in dataclasses.fields(options)
        if field.name not in _DECIDE_NOTHING
    ]
    # The same name of a jump host may mean different hosts in different files.
    return (tuple(decided), files if options.proxy_jump else "", tuple(key.public.fingerprint for key in keys))
