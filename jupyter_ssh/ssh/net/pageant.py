"""PuTTY's Pageant on Windows, which is reached by a window message and shared memory.

The memory, which the message names, contains the framed request and then the framed answer.  Newer Pageants also have a
named pipe, which SSH_AUTH_SOCK can name.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any, Final

from jupyter_ssh.ssh.agent.frames import FrameReader, frame
from jupyter_ssh.ssh.errors import AgentUnavailable

MAX_PAGEANT_MESSAGE: Final = 262144
"""Bytes of the shared memory, accepted by Pageant since 0.68; older ones accept 8 KiB including the frame."""

WINDOW: Final = "Pageant"
COPYDATA_ID: Final = 0x804E50BA
WM_COPYDATA: Final = 0x004A
PAGE_READWRITE: Final = 0x04
FILE_MAP_WRITE: Final = 0x02
INVALID_HANDLE: Final = -1


class PageantTransport:
    """See `agent.AgentTransport`.  Pageant may ask its owner, so each exchange runs in a thread."""

    async def exchange(self, message: bytes) -> bytes:
        """See `agent.AgentTransport`."""
        return await asyncio.get_running_loop().run_in_executor(None, _exchange, message)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    async def wait_closed(self) -> None:
        """Do nothing: there is no connection."""


def is_running() -> bool:
    """Return whether Pageant is running."""
    return sys.platform == "win32" and bool(_libraries()[0].FindWindowW(WINDOW, WINDOW))


def _libraries() -> tuple[Any, Any]:
    """Return user32 and kernel32 with the types of the functions used; handles are as wide as pointers."""
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
            "Pageant is not running" if not window else "the request is too long for Pageant", phase="agent"
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
                raise AgentUnavailable("Pageant did not accept the request", phase="agent")
            size = int.from_bytes(ctypes.string_at(view, 4), "big")
            # Pageant states the length, but there is no more than the size of the memory.
            answers = FrameReader().feed(ctypes.string_at(view, 4 + min(size, MAX_PAGEANT_MESSAGE - 4)))
        finally:
            kernel32.UnmapViewOfFile(view)
    finally:
        kernel32.CloseHandle(mapping)
    if not answers:
        raise AgentUnavailable("Pageant gave no answer", phase="agent")
    return answers[0]
