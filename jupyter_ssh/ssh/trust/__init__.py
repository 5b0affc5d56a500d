"""Trust in hosts: known_hosts files and what to do about a host key."""

from __future__ import annotations

from .appending import append
from .entries import BadLine, Entry, Marker
from .host_names import host_name
from .known_hosts import KnownHosts, Status, Verdict
from .policy import Accept, AcceptAndRemember, Ask, HostKeyPolicy, Judgement
from .question import HostKeyQuestion

__all__ = [
    "Accept",
    "AcceptAndRemember",
    "Ask",
    "BadLine",
    "Entry",
    "HostKeyPolicy",
    "HostKeyQuestion",
    "Judgement",
    "KnownHosts",
    "Marker",
    "Status",
    "Verdict",
    "append",
    "host_name",
]
