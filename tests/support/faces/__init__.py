"""Writes the faces of the kernel from the asyncio classes of the stack: ``make faces``."""
