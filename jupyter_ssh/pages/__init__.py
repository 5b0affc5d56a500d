"""What a page of the browser and a process of ours say to each other: docs/page-protocol.md.

The transport (frames, the private socket, the fallback, one connection per page) knows no terminal.  What pages use
are services (services.py), registered at a `Place` (place.py).  Both the kernel and the Jupyter server's extension
stand on this folder; it needs neither of them.
"""
