"""The protocol between a page in the browser and a process of ours (docs/page-protocol.md).

The transport (frames, the private socket, the fallback, one connection per page) knows nothing of terminals.  Pages use
services (services.py), which are registered with a `Place` (place.py).  Both the kernel and the Jupyter server's
extension build on this folder; it needs neither of them.
"""
