"""The question whether to trust an unknown host key, as data and as text."""

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
"""How many other names with the same key the text lists."""
_FINGERPRINT = re.compile(
    r"(?:SHA256:[A-Za-z0-9+/]{20,}=*|(?:MD5:)?[0-9a-f]{2}(?::[0-9a-f]{2}){15})(?![^\s,;.)\]])", re.I
)


@dataclass(frozen=True, slots=True)
class HostKeyQuestion:
    """Everything a person needs to decide whether this is the host they meant."""

    host: str
    port: int
    address: str | None
    """The address that was connected to; None if it is unknown, as behind a proxy."""
    key: PublicKey
    file: Path | None
    """The file where a yes will be remembered; None if it will not."""
    other_names: tuple[Entry, ...] = ()
    """Entries for other names with the same key."""
    known_keys: tuple[Entry, ...] = ()
    """Entries for this host that decide nothing: with unsupported key types, or for the host without its port."""
    address_key: Entry | None = None
    """If the key is known for the host, but a different one for its address (CheckHostIP): the entry for the
    address."""
    dns: DnsFinding | None = None
    """What DNS says about the key (VerifyHostKeyDNS); None if it was not asked."""

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
        """The fingerprint as a picture of eleven lines."""
        return self.key.randomart

    def answer(self, text: str) -> bool | None:
        """Return what a typed answer means: yes (also the fingerprint itself), no, or None for anything else.

        The fingerprint may be part of a line printed by ``ssh-keygen -l``.  Raises `HostKeyUnknown` for the fingerprint
        of another key: after a real mismatch there must be no second chance to be careless.
        """
        given = _FINGERPRINT.findall(text)
        if text.strip().rstrip("=") == self.fingerprint.removeprefix("SHA256:"):
            return True  # as the page does with a pasted fingerprint
        if not given:
            return {"yes": True, "no": False}.get(text.strip().lower())
        own = {self.fingerprint, self.fingerprint_md5}
        wrong = [word for word in given if _tidied(word) not in own]
        if not wrong:
            return True
        error = HostKeyUnknown(
            f"the key offered by {self.name} does not have the fingerprint that was given",
            phase="host key",
            expected=wrong[0],
            received=f"{self.key_type} {self.fingerprint_md5 if ':' in wrong[0][7:] else self.fingerprint}",
            next_step="If the fingerprint came from the host's administrator, either this is not that host, or it has "
            "several keys: ask for the fingerprint of its " + self.key_type + " key",
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
            return f"The authenticity of host '{self.name}'{address} can't be established: its key is unknown."
        return f"The key is the known one for host '{self.name}', but not for its address{address}."

    @property
    def notes(self) -> list[str]:
        """What else is known, and where a yes will be remembered."""
        lines = [] if self.dns is None else [self.dns.text(self.key)]
        if self.address_key is not None:
            known = self.address_key
            lines.append(
                f"WARNING: a different key is known for the address {self.address}: {known.nickname} "
                f"{known.fingerprint} ({known.place})."
            )
        for entry in self.known_keys:
            lines.append(
                f"Note: another key is known for {_names(entry)}: {entry.nickname} {entry.fingerprint} ({entry.place})."
            )
        if self.other_names:
            lines.append("This host key is known by the following other names/addresses:")
            lines += [f"    {entry.place}: {_names(entry)}" for entry in self.other_names[:SHOWN_NAMES]]
            if len(self.other_names) > SHOWN_NAMES:
                lines.append(f"    and {len(self.other_names) - SHOWN_NAMES} more")
        elif self.address_key is None:
            lines.append("This key is not known by any other names.")
        kept_in = None if self.address_key is not None else self.file
        kept = "is for this connection only" if kept_in is None else f"will be remembered in {kept_in}"
        return [*lines, f"Your yes {kept}."]

    def text(self, *, visual: bool = True) -> str:
        """Return the question for a terminal, with the key's picture if ``visual``; it ends with ``? ``, no newline."""
        lines = [self.headline, f"Its {self.key_type} key has these fingerprints:"]
        lines += [f"    {self.fingerprint}", f"    {self.fingerprint_md5}"]
        if visual:
            lines.append(self.randomart)
        return "\n".join([*lines, *self.notes, "Are you sure you want to continue connecting (yes/no/[fingerprint])? "])


def _tidied(fingerprint: str) -> str:
    """Return a fingerprint in the form for comparison: base64 without padding, or MD5 with lower-case digits."""
    if fingerprint[:7].upper() == "SHA256:":
        return "SHA256:" + fingerprint[7:].rstrip("=")
    return "MD5:" + fingerprint.lower().removeprefix("md5:")


def _names(entry: Entry) -> str:
    return "[hashed name]" if entry.hashed else entry.hosts
