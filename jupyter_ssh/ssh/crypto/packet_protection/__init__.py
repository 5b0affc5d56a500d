"""One file a construction: how payloads become binary packets (RFC 4253 §6) and come out of them again.

`interfaces` says what a sealer and an opener are; `ciphers` and `macs` choose among the constructions.
"""
