"""Global requests that clients make (RFC 4254 §4)."""

from __future__ import annotations

from jupyter_ssh.ssh.protocol.events import GlobalRequested
from jupyter_ssh.ssh.server.channels.host import ServerHost
from jupyter_ssh.ssh.trust import rotation


def prove_host_keys(host: ServerHost, event: GlobalRequested) -> bytes | None:
    """Handle hostkeys-prove-00@openssh.com: sign with the announced host keys (OpenSSH PROTOCOL §2.5)."""
    if not event.want_reply:
        return None
    session = host.session
    return rotation.prove(event.details, session.transport.session_id, host.host_keys, session.info.host_key_algorithm)
