"""Algorithms of the SSH transport: a table a kind, a row an algorithm.

`ciphers.CIPHERS`, `macs.MACS`, `exchange.EXCHANGES` and `compression.COMPRESSIONS` map the name on the wire to its row;
the order of a table is our order of preference.  Rows import their implementation when it is first used, so that
reading the tables costs nothing and a legacy module is loaded only where somebody chose it.
"""
