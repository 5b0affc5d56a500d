"""The faces of the stack's asyncio classes: one for threads that block, one for ``await`` from any event loop.

``make faces`` generates `blocking` and `awaitable` from the asyncio classes, with the same names, types and docstrings;
`face` has their base classes.
"""
