"""``python -m tests.support.faces`` (`make faces`) writes the faces anew."""

from __future__ import annotations

from tests.support.faces.source import faces
from tests.support.faces.table import TARGETS

if __name__ == "__main__":
    for name, text in faces().items():
        (TARGETS / name).write_text(text, encoding="utf-8")
