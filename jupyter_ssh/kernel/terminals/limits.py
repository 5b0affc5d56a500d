"""The bounds of docs/terminal-protocol.md, in bytes and seconds unless they count something."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.pages.limits import LARGE_CONTROL_BYTES

SESSIONS: Final = 64
VIEWERS: Final = 32
"""Of one session."""
ENDED_KEPT: Final = 20
"""Ended sessions that nobody looks at."""
ENDED_SECONDS: Final = 600.0

RING: Final = 4 << 20
SNAPSHOT: Final = LARGE_CONTROL_BYTES
TYPED: Final = 1 << 20
"""Input of one viewer that the remote has not taken."""

WINDOW: Final = 512 << 10
WINDOW_MOST: Final = 2 << 20
STALL_SECONDS: Final = 30.0
"""A viewer that acknowledges nothing for so long holds the remote back no more."""
SKIP_PAUSE: Final = 0.03
SKIP_HELD: Final = 0.15
"""Where the remote was held back, its output needs so long to flow again before a pause means anything."""
SKIP_SECONDS: Final = 1.0
SKIP_TAIL: Final = 16 << 10
"""How far before the end of a flood the output may go on."""
NUDGE_SECONDS: Final = 0.1
"""Between a change of size and the change back; a program that is told of both at once sees none."""
ACK_SECONDS: Final = 0.02
"""Acknowledgements of what was typed are collected for so long."""

ROWS: Final = (2, 1000)
COLS: Final = (2, 1000)
SIZES: Final = 1000
"""Changes of size that are remembered beside the ring."""
TITLE: Final = 200
REPORT: Final = 2000
"""Characters of what is said at length about a lost session."""
HOST: Final = 255
COMMAND: Final = 32 << 10
HOSTS: Final = 400
"""Names that the list of hosts holds at most."""
OPTIONS: Final = 100
"""Options that a page may open a session with."""
