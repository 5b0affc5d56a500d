"""Who may log in at all, whatever they prove: AllowUsers and its kin, and PermitRootLogin (sshd_config(5)).

A server has one account, its own, which clients may have several names for.  AllowUsers and DenyUsers are about the
name that the client gives; AllowGroups, DenyGroups and PermitRootLogin about the account.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from jupyter_ssh.ssh.config.patterns import matches
from jupyter_ssh.ssh.errors import ConfigError
from jupyter_ssh.ssh.server.logins.accounts import Account, group_names
from jupyter_ssh.ssh.server.logins.addresses import address_matches
from jupyter_ssh.ssh.server.logins.key_options import KeyOptions
from jupyter_ssh.ssh.server.options import FORCED_COMMANDS_ONLY, PROHIBIT_PASSWORD, PUBLICKEY, ServerOptions

NO_SUCH_USER: Final = "no such user"


class UserRules:
    """The rules of a server that runs as ``account``.  Raises `ConfigError` if they let nobody in."""

    def __init__(self, options: ServerOptions, account: Account) -> None:
        self._options = options
        self._account = account
        self._users = frozenset({account.name} if options.users is None else options.users)
        self._of_groups = self._against_groups()
        self._check()

    def refusal(self, user: str, address: str) -> str | None:
        """Return why ``user`` may not log in from ``address``, for the log, or None."""
        if user not in self._users:
            return NO_SUCH_USER
        options = self._options
        if any(_user_matches(user, address, pattern) for pattern in options.deny_users):
            return "the user is listed in DenyUsers"
        if options.allow_users and not any(_user_matches(user, address, pattern) for pattern in options.allow_users):
            return "the user is not listed in AllowUsers"
        return self._of_groups

    def refusal_as_root(self, method: str, key: KeyOptions | None) -> str | None:
        """Return why PermitRootLogin refuses a method that has succeeded with the options of ``key``, or None."""
        permitted = self._options.permit_root_login
        if not self._account.root or permitted == "yes":
            return None
        if permitted == PROHIBIT_PASSWORD and method == PUBLICKEY:
            return None
        if permitted == FORCED_COMMANDS_ONLY and key is not None and key.command is not None:
            return None
        return f"PermitRootLogin is {permitted}"

    def _against_groups(self) -> str | None:
        options = self._options
        if not (options.allow_groups or options.deny_groups):
            return None
        groups = group_names(self._account)
        if _any_matches(groups, options.deny_groups):
            return "a group of the account is listed in DenyGroups"
        if options.allow_groups and not _any_matches(groups, options.allow_groups):
            return "no group of the account is listed in AllowGroups"
        return None

    def _check(self) -> None:
        """Raise `ConfigError` for rules that let nobody in, or that no client could be told apart by."""
        options = self._options
        why = self._of_groups
        if self._account.root and options.permit_root_login == "no":
            why = "it runs as root, and PermitRootLogin is no"
        elif self._account.root and options.permit_root_login != "yes" and PUBLICKEY not in options.methods:
            why = f"it runs as root, and PermitRootLogin is {options.permit_root_login}, without public keys"
        elif not any(map(self._possible, self._users)):
            why = f"AllowUsers and DenyUsers leave out {', '.join(sorted(self._users))}"
        if why is not None:
            raise ConfigError("nobody could log in", expected="rules that admit the server's account", received=why)

    def _possible(self, user: str) -> bool:
        """Return whether some address may log in as ``user``."""
        options = self._options
        if any(_user_matches(user, "", pattern) for pattern in options.deny_users if "@" not in pattern):
            return False
        names = [pattern.rpartition("@")[0] if "@" in pattern else pattern for pattern in options.allow_users]
        return not names or any(matches(user, name) for name in names)


def _user_matches(user: str, address: str, pattern: str) -> bool:
    """Return whether ``USER`` or ``USER@HOST`` matches; the host is a pattern of addresses, or a range of them."""
    name, at, host = pattern.rpartition("@")
    if not at:
        return matches(user, pattern)
    return matches(user, name) and address_matches(address, host)


def _any_matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    patterns = tuple(patterns)
    return any(matches(name, pattern) for name in names for pattern in patterns)
