"""Why a connection between page and place is closed: WebSocket close codes of docs/page-protocol.md."""

from __future__ import annotations

from typing import Final

BAD_FRAME: Final = 4400
NOT_ALLOWED: Final = 4401
NO_SERVICE: Final = 4404
SILENT: Final = 4408
VERSIONS: Final = 4409
KERNEL_ENDED: Final = 4410
TOO_MANY: Final = 4429

OWN: Final = range(4400, 4500)
"""All our codes."""
