"""The limits of docs/terminal-protocol.md, in bytes or seconds unless they count something."""

from __future__ import annotations

from typing import Final

from jupyter_ssh.pages.limits import LARGE_CONTROL_BYTES

SESSIONS: Final = 64
VIEWERS: Final = 32
"""Of one session."""
ENDED_KEPT: Final = 20
"""Ended sessions without viewers that are kept."""
ENDED_SECONDS: Final = 600.0

RING: Final = 4 << 20
SNAPSHOT: Final = LARGE_CONTROL_BYTES
TYPED: Final = 1 << 20
"""Input of one viewer that has not been handed to the remote yet."""

WINDOW: Final = 512 << 10
WINDOW_MOST: Final = 2 << 20
STALL_SECONDS: Final = 30.0
"""A viewer that acknowledges nothing for this long no longer holds the remote back."""
SKIP_PAUSE: Final = 0.03
"""The output has paused if nothing arrives for this long."""
SKIP_HELD: Final = 0.15
"""If the remote was held back, its output may take this long to flow again; earlier pauses do not count."""
SKIP_SECONDS: Final = 1.0
"""A skip ends after this long even if the output has not paused."""
SKIP_TAIL: Final = 16 << 10
"""How far before the end of the output it may continue after a skip."""
NUDGE_SECONDS: Final = 0.1
"""The time between a change of size and the change back; a program that is told of both at once notices neither."""
ACK_SECONDS: Final = 0.02
"""How long acknowledgements of input are collected."""

ROWS: Final = (2, 1000)
COLS: Final = (2, 1000)
SIZES: Final = 1000
"""Changes of size that are remembered."""
TITLE: Final = 200
REPORT: Final = 2000
"""Characters in the detailed report about a lost session."""
HOST: Final = 255
COMMAND: Final = 32 << 10
HOSTS: Final = 400
"""Names in the list of hosts."""
OPTIONS: Final = 100
"""Options with which a page opens a session."""
