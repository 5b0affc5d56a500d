"""The question whether an unknown host key is to be trusted, as data and as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..keys import PublicKey
from .entries import Entry
from .host_names import host_name

SHOWN_NAMES = 8
"""Other names with the same key that the text lists."""


@dataclass(frozen=True, slots=True)
class HostKeyQuestion:
    """All a person needs to decide whether the host that answered is the one they meant."""

    host: str
    port: int
    address: str | None
    """The address that was connected to; None where it is not known, as behind a proxy."""
    key: PublicKey
    file: Path | None
    """Where a yes will be kept; None when nowhere."""
    other_names: tuple[Entry, ...] = ()
    """Entries for other names with this very key."""
    known_keys: tuple[Entry, ...] = ()
    """Keys known for this host that decide nothing: of types not spoken here, or of the host without its port."""

    @property
    def name(self) -> str:
        """The host as known_hosts names it: ``host`` or ``[host]:port``."""
        return host_name(self.host, self.port)

    @property
    def key_type(self) -> str:
        """The key's type as people read it, such as ``ED25519``."""
        return self.key.nickname

    @property
    def fingerprint(self) -> str:
        """``SHA256:…``."""
        return self.key.fingerprint

    @property
    def fingerprint_md5(self) -> str:
        """``MD5:…``, for hosts whose administrator only knows that."""
        return self.key.fingerprint_md5

    @property
    def randomart(self) -> str:
        """The fingerprint's picture, eleven lines."""
        return self.key.randomart

    def answer(self, text: str) -> bool | None:
        """What a typed answer means: yes (also the fingerprint itself), no, or None for anything else."""
        text = text.strip()
        if text in (self.fingerprint, self.fingerprint_md5):
            return True
        return {"yes": True, "no": False}.get(text.lower())

    def text(self, *, visual: bool = False) -> str:
        """The question for a terminal, with the key's picture if ``visual``; ends with ``? `` and no newline."""
        address = f" ({self.address})" if self.address and self.address.lower() != self.host.lower() else ""
        lines = [
            f"The host '{self.name}'{address} is not known yet, so nothing vouches for it.",
            f"It shows this {self.key_type} key: {self.fingerprint}",
        ]
        if visual:
            lines.append(self.randomart)
        for entry in self.known_keys:
            lines.append(
                f"Note: for {_names(entry)} another key is known, {entry.nickname} {entry.fingerprint} ({entry.place})."
            )
        if self.other_names:
            lines.append("The same key is known under other names:")
            lines += [f"    {entry.place}: {_names(entry)}" for entry in self.other_names[:SHOWN_NAMES]]
            if len(self.other_names) > SHOWN_NAMES:
                lines.append(f"    and {len(self.other_names) - SHOWN_NAMES} more")
        else:
            lines.append("No other host is known by this key.")
        if self.file is not None:
            lines.append(f"A yes is kept in {self.file}.")
        lines.append("Trust this key and go on (yes/no/[fingerprint])? ")
        return "\n".join(lines)


def _names(entry: Entry) -> str:
    return "[hashed name]" if entry.hashed else entry.hosts
