"""The errors about a host key, with everything a person needs to find out what happened and to continue."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from jupyter_ssh.ssh.errors import HostKeyChanged, HostKeyRevoked, HostKeyUnknown
from jupyter_ssh.ssh.keys import PublicKey
from jupyter_ssh.ssh.trust.entries import Entry
from jupyter_ssh.ssh.trust.host_certificates import plain_key
from jupyter_ssh.ssh.trust.host_file import COMMAND
from jupyter_ssh.ssh.trust.host_names import host_name
from jupyter_ssh.ssh.trust.known_hosts import Verdict

PHASE = "host key"
POSSIBILITIES = (
    "The host was reinstalled, or its keys were replaced: its administrator knows.",
    "The name or address now belongs to another machine: a replacement, a reassigned address, a load balancer.",
    "Somebody is impersonating the host (man-in-the-middle attack) and could read and change everything you do there.",
)
"""Why a host's key may differ from the known one."""


def unknown(
    name: str, key: PublicKey, *, expected: str, next_step: str | None, facts: Sequence[str] = ()
) -> HostKeyUnknown:
    """Return the error for an unknown key; ``facts`` are sentences about what else is known."""
    error = HostKeyUnknown(
        " ".join([f"the host key of {name} is unknown" + ("." if facts else ""), *facts]).removesuffix("."),
        phase=PHASE,
        expected=expected,
        received=described(key),
        next_step=next_step,
    )
    error.fingerprint = key.fingerprint
    return error


def changed(verdict: Verdict, key: PublicKey, facts: Sequence[str] = ()) -> HostKeyChanged:
    """Return the error for a key that contradicts the entries of ``verdict``; ``facts`` are as for `unknown`."""
    entry = verdict.entries[0]
    known = ", ".join(f"{known.nickname} {known.fingerprint} from {known.place}" for known in verdict.entries)
    error = HostKeyChanged(
        f"THE HOST KEY OF {verdict.name} HAS CHANGED",
        phase=PHASE,
        expected=known,
        received=described(key),
        next_step="Ask the host's administrator whether the new fingerprint is right"
        + (f"; if it is, {_how_to_remove(entry, verdict.name)}" if _by_hand(entry) else ""),
    )
    error.fingerprint = key.fingerprint
    error.known_fingerprints = tuple(known.fingerprint for known in verdict.entries)
    error.file = str(entry.file)
    error.line = entry.line
    error.host = verdict.name
    error.key_type = plain_key(key).nickname
    error.known = tuple((known.nickname, known.fingerprint, known.place) for known in verdict.entries)
    error.possibilities = POSSIBILITIES
    error.facts = tuple(facts)
    error.check_command = f"ssh-keygen -lf {public_file(key)}"
    error.remove_commands = _remove_commands(verdict)
    return error


def revoked(name: str, key: PublicKey, what: str, where: str) -> HostKeyRevoked:
    """Return the error for a key, or a part of a certificate (``what``), that is revoked in the file or line
    ``where``."""
    error = HostKeyRevoked(
        f"{what} offered by {name} is marked as revoked in {where}",
        phase=PHASE,
        received=described(key),
        next_step="It may have been stolen: ask the host's administrator before you continue",
    )
    error.fingerprint = key.fingerprint
    return error


def address_differs(host: str, address: str, key: PublicKey, entry: Entry) -> HostKeyChanged:
    """Return the error for a known key at an address for which another key is known (CheckHostIP)."""
    name = host_name(host)
    error = HostKeyChanged(
        f"the host key of {name} differs from the key known for its address {address}",
        phase=PHASE,
        expected=f"{entry.nickname} {entry.fingerprint} from {entry.place}",
        received=described(key),
        next_step="The host may have taken over the address of another one; if so, "
        + _how_to_remove(entry, address)
        + " and connect again",
    )
    error.fingerprint = key.fingerprint
    error.known_fingerprints = (entry.fingerprint,)
    error.file, error.line = str(entry.file), entry.line
    return error


def outdated(entry: Entry, name: str) -> str:
    """Return a note about an entry that a better source contradicts."""
    return f"Note: {entry.place} has another key for {name}; {_how_to_remove(entry, name)}."


def described(key: PublicKey) -> str:
    """Return a key's type and fingerprint."""
    return f"{key.nickname} {key.fingerprint}"


def public_file(key: PublicKey) -> str:
    """Return the usual path of a host's public key file."""
    return f"/etc/ssh/ssh_host_{key.row.keygen_name}_key.pub"


def _remove_commands(verdict: Verdict) -> tuple[str, ...]:
    """Return the commands that remove the old lines, ours and OpenSSH's; none if a line is for other hosts too."""
    files = dict.fromkeys(entry.file for entry in verdict.entries if not _by_hand(entry))
    words = [f"-R {shlex.quote(verdict.name)} -f {shlex.quote(str(file))}" for file in files]
    return tuple(f"{program} {each}" for each in words for program in ("jupyter-ssh keygen", "ssh-keygen"))


def _by_hand(entry: Entry) -> bool:
    # -R would remove the whole line, which other hosts need too; and the output of a command is not in any file.
    return entry.has_wildcards or entry.file.name.startswith(COMMAND)


def _how_to_remove(entry: Entry, name: str) -> str:
    if _by_hand(entry):
        return f"remove line {entry.line} of {entry.file} with an editor"
    return f"remove the old one with `ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(entry.file))}`"
