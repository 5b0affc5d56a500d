"""Fingerprints of public keys, as text and as the picture drawn by ssh-keygen."""

from __future__ import annotations

import binascii
import hashlib

WIDTH, HEIGHT = 17, 9
SYMBOLS = " .o+=*BOX@%&#/^"
"""How a field looks after a number of visits; more visits look like the last one."""


def sha256(blob: bytes) -> str:
    """Return ``SHA256:`` and the unpadded base64 of the hash of a key blob, as OpenSSH shows it."""
    return "SHA256:" + binascii.b2a_base64(hashlib.sha256(blob).digest(), newline=False).decode("ascii").rstrip("=")


def md5(blob: bytes) -> str:
    """Return ``MD5:`` and sixteen hex bytes with colons (RFC 4716 §4)."""
    return "MD5:" + hashlib.md5(blob, usedforsecurity=False).digest().hex(":")


def randomart(blob: bytes, nickname: str, size: int, hash_name: str = "sha256") -> str:
    """Return the picture of a key blob's fingerprint: eleven lines, byte for byte those of ``ssh-keygen -lv``.

    A bishop starts in the middle and walks one diagonal step for each two bits, lowest first; walls stop it.
    (Loss, Limmer, von Gernler: The drunken bishop, 2009.)
    """
    visits = [[0] * WIDTH for _ in range(HEIGHT)]
    start_x, start_y = x, y = WIDTH // 2, HEIGHT // 2
    for byte in hashlib.new(hash_name, blob, usedforsecurity=False).digest():
        for shift in (0, 2, 4, 6):
            x = min(max(x + (1 if byte >> shift & 1 else -1), 0), WIDTH - 1)
            y = min(max(y + (1 if byte >> shift & 2 else -1), 0), HEIGHT - 1)
            visits[y][x] += 1
    drawn = [[SYMBOLS[min(count, len(SYMBOLS) - 1)] for count in row] for row in visits]
    drawn[start_y][start_x] = "S"
    drawn[y][x] = "E"
    # OpenSSH omits the size if it does not fit, and its buffer holds one character less than the frame.
    title = f"[{nickname} {size}]"
    title = title[: WIDTH - 1] if len(title) <= WIDTH else f"[{nickname}]"[: WIDTH - 1]
    lines = [_edge(title), *("|" + "".join(row) + "|" for row in drawn), _edge(f"[{hash_name.upper()}]")]
    return "\n".join(lines)


def _edge(text: str) -> str:
    left = (WIDTH - len(text)) // 2
    return "+" + "-" * left + text + "-" * (WIDTH - left - len(text)) + "+"
