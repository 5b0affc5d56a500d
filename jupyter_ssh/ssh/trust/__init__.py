"""Trust in hosts: known_hosts files, and the decision about a host key."""

from __future__ import annotations

from jupyter_ssh.ssh.trust.appending import append
from jupyter_ssh.ssh.trust.entries import BadLine, Entry, Marker
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import KnownHosts, Status, Verdict
from jupyter_ssh.ssh.trust.policy import Accept, AcceptAndRemember, Ask, HostKeyPolicy, Judgement
from jupyter_ssh.ssh.trust.question import HostKeyQuestion

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
