"""Terminals that live in this process and are looked at by pages of the browser: docs/terminal-protocol.md.

The service (service.py) keeps the sessions (session.py), and one `Link` (link.py) per page speaks the protocol, over
whichever transport the frames come.  All of it runs in the loop of the engine.
"""
