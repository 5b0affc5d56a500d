"""Algorithms of the SSH transport: one table per kind, one row per algorithm.

`ciphers.CIPHERS`, `macs.MACS`, `exchange.EXCHANGES` and `compression.COMPRESSIONS` map the name on the wire to its row,
in our order of preference.  Rows import their implementation at first use, so that reading the tables costs nothing and
a legacy module is loaded only if its algorithm was chosen.
"""
