"""PuTTY's Pageant on Windows, where it is spoken to by a window message and a piece of shared memory.

The memory holds the framed request, and the framed answer in its place; the message names it.  Newer Pageants have a
named pipe as well, for which SSH_AUTH_SOCK is the way.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any, Final

from jupyter_ssh.ssh.agent.frames import FrameReader, frame
from jupyter_ssh.ssh.errors import AgentUnavailable

MAX_PAGEANT_MESSAGE: Final = 262144
"""Bytes of the shared memory: Pageant takes as much since 0.68; older ones 8 KiB, the frame included."""

WINDOW: Final = "Pageant"
COPYDATA_ID: Final = 0x804E50BA
WM_COPYDATA: Final = 0x004A
PAGE_READWRITE: Final = 0x04
FILE_MAP_WRITE: Final = 0x02
INVALID_HANDLE: Final = -1


class PageantTransport:
    """See `agent.AgentTransport`.  Pageant may ask its owner meanwhile, so each exchange has a thread."""

    async def exchange(self, message: bytes) -> bytes:
        """See `agent.AgentTransport`."""
        return await asyncio.get_running_loop().run_in_executor(None, _exchange, message)

    def close(self) -> None:
        """There is nothing to let go of."""

    async def wait_closed(self) -> None:
        """Nor to wait for."""


def is_running() -> bool:
    """Return whether there is a Pageant."""
    return sys.platform == "win32" and bool(_libraries()[0].FindWindowW(WINDOW, WINDOW))


def _libraries() -> tuple[Any, Any]:
    """user32 and kernel32, with the types of what is used: handles are as wide as pointers."""
    import ctypes
    from ctypes import wintypes

    user32: Any = ctypes.WinDLL("user32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    user32.FindWindowW.argtypes = (wintypes.LPCWSTR, wintypes.LPCWSTR)
    user32.FindWindowW.restype = wintypes.HWND
    user32.SendMessageW.argtypes = (wintypes.HWND, wintypes.UINT, wintypes.WPARAM, ctypes.c_void_p)
    user32.SendMessageW.restype = ctypes.c_ssize_t
    kernel32.CreateFileMappingA.argtypes = (
        wintypes.HANDLE,
        ctypes.c_void_p,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.LPCSTR,
    )
    kernel32.CreateFileMappingA.restype = wintypes.HANDLE
    kernel32.MapViewOfFile.argtypes = (
        wintypes.HANDLE,
        wintypes.DWORD,
        wintypes.DWORD,
        wintypes.DWORD,
        ctypes.c_size_t,
    )
    kernel32.MapViewOfFile.restype = ctypes.c_void_p
    kernel32.UnmapViewOfFile.argtypes = (ctypes.c_void_p,)
    kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    return user32, kernel32


def _exchange(message: bytes) -> bytes:
    import ctypes
    from ctypes import wintypes

    class CopyData(ctypes.Structure):
        _fields_ = (("dwData", ctypes.c_size_t), ("cbData", wintypes.DWORD), ("lpData", ctypes.c_char_p))

    user32, kernel32 = _libraries()
    data = frame(message)
    window = user32.FindWindowW(WINDOW, WINDOW)
    if not window or len(data) > MAX_PAGEANT_MESSAGE:
        raise AgentUnavailable(
            "Pageant does not run" if not window else "too long a request for Pageant", phase="agent"
        )
    name = f"PageantRequest{threading.get_ident():08x}".encode("ascii")
    mapping = kernel32.CreateFileMappingA(INVALID_HANDLE, None, PAGE_READWRITE, 0, MAX_PAGEANT_MESSAGE, name)
    if not mapping:
        raise AgentUnavailable("no shared memory for Pageant", phase="agent")
    try:
        view = kernel32.MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0)
        if not view:
            raise AgentUnavailable("no shared memory for Pageant", phase="agent")
        try:
            ctypes.memmove(view, data, len(data))
            request = CopyData(COPYDATA_ID, len(name) + 1, name)
            if not user32.SendMessageW(window, WM_COPYDATA, 0, ctypes.byref(request)):
                raise AgentUnavailable("Pageant did not take the request", phase="agent")
            size = int.from_bytes(ctypes.string_at(view, 4), "big")
            # The length is Pageant's word; what lies in the memory is all there is.
            answers = FrameReader().feed(ctypes.string_at(view, 4 + min(size, MAX_PAGEANT_MESSAGE - 4)))
        finally:
            kernel32.UnmapViewOfFile(view)
    finally:
        kernel32.CloseHandle(mapping)
    if not answers:
        raise AgentUnavailable("Pageant gave no answer", phase="agent")
    return answers[0]
