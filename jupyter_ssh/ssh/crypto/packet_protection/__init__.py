"""Constructions, one per file: how payloads become binary packets (RFC 4253 §6) and are recovered from them.

`interfaces` defines sealers and openers; `ciphers` and `macs` choose among the constructions.
"""
