"""The faces of the stack's asyncio classes: for a thread that blocks, and for ``await`` from any event loop.

`blocking` and `awaitable` are written by ``make faces`` from the asyncio classes, with the same names, types and
docstrings; `face` is what both are built on.
"""
