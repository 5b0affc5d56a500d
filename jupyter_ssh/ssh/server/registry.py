"""The channel types a client may open and the global requests it may send.  To add one, add a row here.

Channel requests of a session, such as pty-req, have their rows in `server.channels.session`.
"""

from __future__ import annotations

from typing import Final

from jupyter_ssh.ssh.channels.registry import Registry
from jupyter_ssh.ssh.server.channels.direct_tcpip import open_direct_tcpip
from jupyter_ssh.ssh.server.channels.global_requests import prove_host_keys
from jupyter_ssh.ssh.server.channels.host import ServerHost
from jupyter_ssh.ssh.server.channels.session import no_more_sessions, open_session
from jupyter_ssh.ssh.trust.rotation import PROVE
from jupyter_ssh.ssh.wire.requests import NO_MORE_SESSIONS

SERVER: Final[Registry[ServerHost]] = Registry(
    channels={
        "session": open_session,
        "direct-tcpip": open_direct_tcpip,
    },
    requests={
        NO_MORE_SESSIONS: no_more_sessions,
        PROVE: prove_host_keys,
    },
)
