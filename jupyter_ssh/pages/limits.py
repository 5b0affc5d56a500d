"""The bounds of the transport (docs/page-protocol.md), in bytes and seconds unless they count something."""

from __future__ import annotations

from typing import Final

VERSION: Final = 2
"""Of the protocol between page and place."""
SERVER_CLIENT: Final = "jupyter server"
"""What the Jupyter server calls itself in `hello` when it asks what a service announces: it is no page."""

CONNECTIONS: Final = 32
"""Pages that a place serves at once."""
STREAMS: Final = 64
"""Streams of one connection."""
SERVICES: Final = 64
"""Services that a page may name in `hello`."""
SERVICE_CHARACTERS: Final = 64
HELLO_SECONDS: Final = 10.0

DATA_BYTES: Final = 65_536
"""In one data frame."""
CONTROL_BYTES: Final = 65_536
LARGE_CONTROL_BYTES: Final = 8 << 20
"""Control frames of the types that may be large: `welcome`, and those that a service names."""
UNREAD: Final = 4 << 20
"""What may wait for a connection that does not read, before it is closed."""

QUESTION_SECONDS: Final = 300.0
"""How long a question waits for a page that could show it."""
ANSWER_SECONDS: Final = 1800.0
"""How long a question waits in all."""
QUESTIONS: Final = 128
"""Open questions of one place."""
