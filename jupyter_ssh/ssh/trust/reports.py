"""The errors about a host key, with all a person needs to find out what happened and to go on."""

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
    "The host was set up anew, or its keys were: its administrator knows.",
    "The name or address belongs to another machine now: a new one in its place, a lent address, a load balancer.",
    "Somebody answers in the place of the host and would read and change all that you do there.",
)
"""Why a host may show another key than before."""


def unknown(
    name: str, key: PublicKey, *, expected: str, next_step: str | None, facts: Sequence[str] = ()
) -> HostKeyUnknown:
    """The error for a key that nothing vouches for; ``facts`` are what else is known, sentences."""
    error = HostKeyUnknown(
        " ".join([f"the host key of {name} is not known" + ("." if facts else ""), *facts]).removesuffix("."),
        phase=PHASE,
        expected=expected,
        received=described(key),
        next_step=next_step,
    )
    error.fingerprint = key.fingerprint
    return error


def changed(verdict: Verdict, key: PublicKey, facts: Sequence[str] = ()) -> HostKeyChanged:
    """The error for a key that contradicts the entries of ``verdict``; ``facts`` are what else is known, sentences."""
    entry = verdict.entries[0]
    known = ", ".join(f"{known.nickname} {known.fingerprint} from {known.place}" for known in verdict.entries)
    error = HostKeyChanged(
        f"THE HOST KEY OF {verdict.name} HAS CHANGED",
        phase=PHASE,
        expected=known,
        received=described(key),
        next_step="Ask the host's administrator whether the fingerprint shown is right"
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
    """The error for a key of which ``what`` is revoked in the file or line ``where``."""
    error = HostKeyRevoked(
        f"{what} that {name} shows is marked as revoked in {where}",
        phase=PHASE,
        received=described(key),
        next_step="It may have been stolen: ask the host's administrator before going on",
    )
    error.fingerprint = key.fingerprint
    return error


def address_differs(host: str, address: str, key: PublicKey, entry: Entry) -> HostKeyChanged:
    """The error for a host whose key is the known one, at an address that has another (CheckHostIP)."""
    name = host_name(host)
    error = HostKeyChanged(
        f"the host key of {name} is not the one that is known for its address {address}",
        phase=PHASE,
        expected=f"{entry.nickname} {entry.fingerprint} from {entry.place}",
        received=described(key),
        next_step="The host may have moved to the address of another one; if so, "
        + _how_to_remove(entry, address)
        + " and connect again",
    )
    error.fingerprint = key.fingerprint
    error.known_fingerprints = (entry.fingerprint,)
    error.file, error.line = str(entry.file), entry.line
    return error


def outdated(entry: Entry, name: str) -> str:
    """What to say of an entry that a better source contradicts."""
    return f"Note: {entry.place} has another key for {name}; {_how_to_remove(entry, name)}."


def described(key: PublicKey) -> str:
    """Type and fingerprint."""
    return f"{key.nickname} {key.fingerprint}"


def public_file(key: PublicKey) -> str:
    """Where a host keeps the public half of a key, as a rule."""
    return f"/etc/ssh/ssh_host_{key.row.keygen_name}_key.pub"


def _remove_commands(verdict: Verdict) -> tuple[str, ...]:
    """The commands that take the old lines away, ours and OpenSSH's; none where lines are for other hosts too."""
    files = dict.fromkeys(entry.file for entry in verdict.entries if not _by_hand(entry))
    words = [f"-R {shlex.quote(verdict.name)} -f {shlex.quote(str(file))}" for file in files]
    return tuple(f"{program} {each}" for each in words for program in ("jupyter-ssh keygen", "ssh-keygen"))


def _by_hand(entry: Entry) -> bool:
    # -R would take the whole line away, which other hosts need too; what a command prints is in no file.
    return entry.has_wildcards or entry.file.name.startswith(COMMAND)


def _how_to_remove(entry: Entry, name: str) -> str:
    if _by_hand(entry):
        return f"remove line {entry.line} of {entry.file} with an editor"
    return f"remove the old one with `ssh-keygen -R {shlex.quote(name)} -f {shlex.quote(str(entry.file))}`"
