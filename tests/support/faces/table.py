"""Which classes have faces, and what about them cannot be seen in their source."""

from __future__ import annotations

from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).parents[3]
TARGETS: Final = TREE / "jupyter_ssh" / "kernel" / "faces"

CLASSES: Final = {
    "Connection": "jupyter_ssh.ssh.client.connection",
    "Process": "jupyter_ssh.ssh.client.process",
    "Reader": "jupyter_ssh.ssh.channels.interfaces",
    "Writer": "jupyter_ssh.ssh.channels.interfaces",
    "Stream": "jupyter_ssh.ssh.channels.interfaces",
}
"""The asyncio classes, and where their source is.  Those that are tuples of others are copied, for what they do they do
by those."""

STAY_BEHIND: Final = {"Connection.channel_host", "Connection.changes", "Process.changes"}
"""Members that are for the event loop of the stack alone."""

ONLY_LOOK: Final = {"Reader.at_eof", "Writer.is_closing"}
"""Functions that change nothing and touch no loop: any thread may call them."""

WAIT_AFTERWARDS: Final = {"Writer.write": "drain"}
"""Functions that a face follows by another one, so that who calls them in a loop is held back."""

WHATEVER_ITS_STATE: Final = {"Connection.close", "Connection.wait_closed"}
"""Methods that are no use of a connection: one that was lost does not come back for them."""

TYPE_VARIABLE_HOME: Final = "jupyter_ssh.ssh.channels.interfaces"
"""Where AnyStr is, by which a class is of bytes or of text."""
