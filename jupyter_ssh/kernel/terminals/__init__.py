"""Terminals that run in this process and are viewed by browser pages (docs/terminal-protocol.md).

The service (service.py) has the sessions (session.py) and handles the pages' messages about them.  The display of a
session (display.py) has its output and the pages that view it.  All of it runs in the engine's loop.
"""
