"""Terminals that live in this process and are looked at by pages of the browser: docs/terminal-protocol.md.

The service (service.py) keeps the sessions (session.py) and answers what pages say of them; what a session shows, and
to whom, is its display (display.py).  All of it runs in the loop of the engine.
"""
