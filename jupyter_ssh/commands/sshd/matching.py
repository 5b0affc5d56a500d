"""Match blocks of sshd_config(5), as far as they are decided by the account that the server serves.

There is only one, so ``User`` and ``Group`` are decided when the file is read.  A block about clients, such as
``Address``, would have to be decided for each of them, and is refused: passing over it could let the wrong ones in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jupyter_ssh.ssh.config.patterns import matches_list
from jupyter_ssh.ssh.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MatchAccount:
    """The account as Match sees it."""

    name: str = ""
    groups: frozenset[str] = field(default_factory=frozenset)


_OF_CLIENTS = ("address", "host", "localaddress", "localport", "rdomain", "version", "sessiontype", "command")
_WITHOUT_VALUE = ("all", "invalid-user")

_GLOBAL_ONLY = """
addressfamily ciphers compression debianbanner fingerprinthash gssapicleanupcredentials gssapidelegatecredentials
gssapikexalgorithms gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck hostcertificate hostkey
hostkeyagent hostkeyalgorithms ignoreuserknownhosts kerberosgetafstoken kerberosorlocalpasswd kerberosticketcleanup
kexalgorithms listenaddress logingracetime macs maxstartups modulifile permituserenvironment persourcemaxstartups
persourcenetblocksize persourcepenalties persourcepenaltyexemptlist pidfile port printlastlog printmotd
securitykeyprovider sshdauthpath sshdsessionpath strictmodes syslogfacility tcpkeepalive usedns usepam versionaddendum
xauthlocation
"""
GLOBAL_ONLY = frozenset(_GLOBAL_ONLY.split())
"""Keywords that OpenSSH accepts outside of Match blocks only."""


def match_holds(arguments: Sequence[str], where: str, account: MatchAccount | None) -> bool:
    """Return whether a block applies to the account; None: to nobody, as what is around the block does not apply.

    Raises `ConfigError` for criteria that do not exist, and if it depends on the client.
    """
    criteria = list(_criteria(arguments, where))
    if len(criteria) > 1 and any(name == "all" for name, _ in criteria):
        raise ConfigError(f"{where}: 'all' cannot be combined with other Match attributes", phase="options")
    if account is None or not all(_holds(name, value, account) for name, value in criteria):
        return False
    of_clients = [name for name, _ in criteria if name in _OF_CLIENTS]
    if of_clients:
        raise ConfigError(
            f"{where}: Match {of_clients[0]} is not supported: whether it applies depends on the client",
            phase="options",
            expected="all, User or Group",
            next_step="In authorized_keys, from= limits the addresses of a key.",
        )
    return True


def _criteria(arguments: Sequence[str], where: str) -> Iterator[tuple[str, str]]:
    """Return the pairs of criterion and value; a value may be attached with ``=``."""
    words = list(arguments)
    while words:
        word, equals, value = words.pop(0).partition("=")
        name = word.lower()
        if name not in (*_OF_CLIENTS, *_WITHOUT_VALUE, "user", "group"):
            raise ConfigError(f"{where}: Unsupported Match attribute {word[:80]!a}", phase="options")
        if name not in _WITHOUT_VALUE and not equals:
            value = words.pop(0) if words else ""
        if not value and name not in _WITHOUT_VALUE:
            raise ConfigError(f"{where}: Match attribute {name} requires an argument", phase="options")
        yield name, value


def _holds(name: str, value: str, account: MatchAccount) -> bool:
    """Return whether a criterion holds, or may hold for some clients."""
    if name == "user":
        return matches_list(account.name, value)
    if name == "group":
        return _in_groups(value, account)
    return name != "invalid-user"  # whoever logs in is this account


def _in_groups(value: str, account: MatchAccount) -> bool:
    # As in OpenSSH, one group that is excluded excludes the account.
    negative = [item[1:] for item in value.split(",") if item.startswith("!")]
    if any(matches_list(group, pattern) for group in account.groups for pattern in negative):
        return False
    return any(matches_list(group, value) for group in account.groups)
