"""The limits of the transport (docs/page-protocol.md), in bytes and seconds unless they count something."""

from __future__ import annotations

from typing import Final

VERSION: Final = 2
"""The version of the protocol between page and place."""
SERVER_CLIENT: Final = "jupyter server"
"""The client in the Jupyter server's `hello`, when it asks what a service announces: it is not a page."""

CONNECTIONS: Final = 32
"""How many pages a place serves at once."""
STREAMS: Final = 64
"""How many streams one connection may have."""
SERVICES: Final = 64
"""How many services a page may name in `hello`."""
SERVICE_CHARACTERS: Final = 64
HELLO_SECONDS: Final = 10.0

DATA_BYTES: Final = 65_536
"""The most data in one data frame."""
CONTROL_BYTES: Final = 65_536
LARGE_CONTROL_BYTES: Final = 8 << 20
"""The size limit of control frames that may be large: `welcome`, and those that a service names."""
UNREAD: Final = 4 << 20
"""How much may wait for a connection that does not read before it is closed."""

QUESTION_SECONDS: Final = 300.0
"""How long a question waits for a page that can show it."""
ANSWER_SECONDS: Final = 1800.0
"""How long a question waits in all."""
QUESTIONS: Final = 128
"""How many questions of one place may be open."""
