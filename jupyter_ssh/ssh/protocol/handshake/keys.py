"""Derive the keys from a key exchange (RFC 4253 §7.2), as sealers and openers of packets."""

from __future__ import annotations

from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
from jupyter_ssh.ssh.crypto.compression import COMPRESSIONS
from jupyter_ssh.ssh.crypto.derive import derive_key
from jupyter_ssh.ssh.crypto.macs import MACS
from jupyter_ssh.ssh.crypto.packet_protection.framing import Randomness
from jupyter_ssh.ssh.crypto.packet_protection.interfaces import Opener, Sealer
from jupyter_ssh.ssh.protocol.handshake.key_exchange import Secrets
from jupyter_ssh.ssh.protocol.handshake.negotiation import Direction
from jupyter_ssh.ssh.protocol.roles import Role

# RFC 4253 §7.2: the letters of IV, key and MAC key, by the role that sends.
_LETTERS = {Role.CLIENT: (b"A", b"C", b"E"), Role.SERVER: (b"B", b"D", b"F")}


def _key_material(
    secrets: Secrets, session_id: bytes, sender: Role, direction: Direction
) -> tuple[bytes, bytes, bytes]:
    cipher = CIPHERS[direction.cipher]
    mac_size = 0 if cipher.integrated_mac else MACS[direction.mac].key_size
    sizes = (cipher.iv_size, cipher.key_size, mac_size)
    iv, key, mac_key = (
        derive_key(secrets.hash_name, secrets.secret, secrets.exchange_hash, letter, session_id, size) if size else b""
        for letter, size in zip(_LETTERS[sender], sizes, strict=True)
    )
    return iv, key, mac_key


def make_sealer(
    secrets: Secrets,
    session_id: bytes,
    sender: Role,
    direction: Direction,
    sequence: int,
    random: Randomness,
    *,
    logged_in: bool = False,
) -> Sealer:
    """Return the sealer for the packets of ``sender`` from packet number ``sequence`` on.

    It compresses them if that was agreed on; delayed compression only if ``logged_in``.
    """
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    sealer = CIPHERS[direction.cipher].sealer(key, iv, MACS.get(direction.mac), mac_key, sequence, random)
    sealer = compressing(sealer, direction, delayed=False)
    return compressing(sealer, direction, delayed=True) if logged_in else sealer


def make_opener(
    secrets: Secrets, session_id: bytes, sender: Role, direction: Direction, sequence: int, *, logged_in: bool = False
) -> Opener:
    """Return the opener for the packets of ``sender`` from packet number ``sequence`` on; the rest is as in
    `make_sealer`."""
    iv, key, mac_key = _key_material(secrets, session_id, sender, direction)
    opener = CIPHERS[direction.cipher].opener(key, iv, MACS.get(direction.mac), mac_key, sequence)
    opener = decompressing(opener, direction, delayed=False)
    return decompressing(opener, direction, delayed=True) if logged_in else opener


def compressing(sealer: Sealer, direction: Direction, *, delayed: bool) -> Sealer:
    """Wrap ``sealer`` to compress, if a compression was agreed on and it is (or is not) a ``delayed`` one."""
    row = COMPRESSIONS[direction.compression]
    if row.compressor is None or row.delayed is not delayed:
        return sealer
    from jupyter_ssh.ssh.crypto.packet_protection.compressed import CompressedSealer

    return CompressedSealer(sealer, row.compressor())


def decompressing(opener: Opener, direction: Direction, *, delayed: bool) -> Opener:
    """Wrap ``opener`` to decompress, in the same way."""
    row = COMPRESSIONS[direction.compression]
    if row.decompressor is None or row.delayed is not delayed:
        return opener
    from jupyter_ssh.ssh.crypto.packet_protection.compressed import CompressedOpener

    return CompressedOpener(opener, row.decompressor())
