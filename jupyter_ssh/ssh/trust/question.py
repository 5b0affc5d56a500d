"""The question whether an unknown host key is to be trusted, as data and as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jupyter_ssh.ssh.errors import HostKeyUnknown
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.trust.entries import Entry
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.sshfp import DnsFinding

SHOWN_NAMES = 8
"""Other names with the same key that the text lists."""
_FINGERPRINT = re.compile(
    r"(?:SHA256:[A-Za-z0-9+/]{20,}=*|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15})(?![^\s,;.)\]])", re.I
)


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
    address_key: Entry | None = None
    """The key is the known one of the host, but another one is known for its address (CheckHostIP): this one."""
    dns: DnsFinding | None = None
    """What DNS says of the key (VerifyHostKeyDNS); None where it was not asked."""

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
        """What a typed answer means: yes (also the fingerprint itself), no, or None for anything else.

        The fingerprint may stand in a whole line of ``ssh-keygen -l``.  Raises `HostKeyUnknown` for the fingerprint of
        another key: whoever has the right one and sees it differ wants no second chance to be careless.
        """
        given = _FINGERPRINT.findall(text)
        if text.strip().rstrip("=") == self.fingerprint.removeprefix("SHA256:"):
            return True  # as the page compares what is pasted there
        if not given:
            return {"yes": True, "no": False}.get(text.strip().lower())
        own = {self.fingerprint, self.fingerprint_md5}
        wrong = [word for word in given if _tidied(word) not in own]
        if not wrong:
            return True
        error = HostKeyUnknown(
            f"the key that {self.name} shows is not the one whose fingerprint was given",
            phase="host key",
            expected=wrong[0],
            received=f"{self.key_type} {self.fingerprint_md5 if ':' in wrong[0][7:] else self.fingerprint}",
            next_step="If the fingerprint comes from the host's administrator, somebody else answers here, or the host"
            " has several keys: ask for the fingerprint of its " + self.key_type + " key",
        )
        error.fingerprint = self.fingerprint
        raise error

    @property
    def headline(self) -> str:
        """Which host, and why there is a question."""
        address = f" ({self.address})" if self.address and self.address.lower() != self.host.lower() else ""
        if self.dns is not None and self.dns.vouches_for(self.key):
            return f"The host '{self.name}'{address} is not known yet; only DNS vouches for it."
        if self.address_key is None:
            return f"The host '{self.name}'{address} is not known yet, so nothing vouches for it."
        return f"The key of '{self.name}'{address} is the known one, but not that of the address."

    @property
    def notes(self) -> list[str]:
        """What else is known, and where a yes will be kept."""
        lines = [] if self.dns is None else [self.dns.text(self.key)]
        if self.address_key is not None:
            known = self.address_key
            lines.append(
                f"WARNING: for the address {self.address} another key is known, {known.nickname} {known.fingerprint}"
                f" ({known.place})."
            )
        for entry in self.known_keys:
            lines.append(
                f"Note: for {_names(entry)} another key is known, {entry.nickname} {entry.fingerprint} ({entry.place})."
            )
        if self.other_names:
            lines.append("The same key is known under other names:")
            lines += [f"    {entry.place}: {_names(entry)}" for entry in self.other_names[:SHOWN_NAMES]]
            if len(self.other_names) > SHOWN_NAMES:
                lines.append(f"    and {len(self.other_names) - SHOWN_NAMES} more")
        elif self.address_key is None:
            lines.append("No other host is known by this key.")
        kept_in = None if self.address_key is not None else self.file
        kept = "for this connection only" if kept_in is None else f"kept in {kept_in}"
        return [*lines, f"A yes is {kept}."]

    def text(self, *, visual: bool = True) -> str:
        """The question for a terminal, with the key's picture if ``visual``; ends with ``? `` and no newline."""
        lines = [self.headline, f"It shows this {self.key_type} key:"]
        lines += [f"    {self.fingerprint}", f"    {self.fingerprint_md5}"]
        if visual:
            lines.append(self.randomart)
        return "\n".join([*lines, *self.notes, "Trust this key and go on (yes/no/[fingerprint])? "])


def _tidied(fingerprint: str) -> str:
    """A fingerprint as it is compared: base64 without padding, hexadecimal digits in lower case behind MD5."""
    if fingerprint[:7].upper() == "SHA256:":
        return "SHA256:" + fingerprint[7:].rstrip("=")
    return "MD5:" + fingerprint.lower().removeprefix("md5:")


def _names(entry: Entry) -> str:
    return "[hashed name]" if entry.hashed else entry.hosts
