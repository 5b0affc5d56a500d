"""Canonical host names: CanonicalizeHostname and its related keywords (ssh_config(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.local_context import Names
from jupyter_ssh.ssh.config.special_values import PermittedCname
from jupyter_ssh.ssh.errors import ConfigError

# RFC 1123 §2.1, and underscores, which exist in practice.
_IS_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Canonicalization:
    """The options for canonicalizing a name; ``direct``: there is no proxy or jump host."""

    when: str  # no, yes or always
    domains: tuple[str, ...]
    fallback_local: bool
    max_dots: int
    permitted_cnames: tuple[PermittedCname, ...]
    family: str
    direct: bool

    @property
    def asked(self) -> bool:
        """Whether to look names up: unless "always" is given, this is left to a proxy, which resolves the name
        itself."""
        return self.when == "always" or (self.when == "yes" and self.direct)


def canonical_name(name: str, options: Canonicalization, names: Names) -> str:
    """Return the name to connect to instead of ``name``; addresses are always returned in their usual form.

    Raises `ConfigError` if the lookup takes too long, or if the name has no address in any domain and is not left to
    the resolver.
    """
    address = names.address(name)
    if address is not None:
        return name if address.lower() == name.lower() else address
    if "%" in name and names.address(name.partition("%")[0]) is not None:
        return name  # an address with the scope of an interface that does not exist (now)
    name = name.lower()
    try:
        found = _qualified(name, options, names)
        if found is not None:
            return found
        return _aliased(name, options, names)
    except TimeoutError as error:
        raise ConfigError(
            f"cannot canonicalize the host name {name!r}",
            phase="looking up the host",
            received=str(error) or "no answer from the name server",
            next_step="Check the network, or connect with -o CanonicalizeHostname=no.",
        ) from None


def _qualified(name: str, options: Canonicalization, names: Names) -> str | None:
    """Return the first candidate that has an address, without its trailing dot."""
    if not options.asked:
        return None
    if name.endswith("."):
        candidates = [name]
    elif name.count(".") > options.max_dots:
        return None
    else:
        candidates = [f"{name}.{domain}." for domain in options.domains]
    for candidate in candidates:
        alias = names.canonical(candidate, options.family)
        if alias is not None:
            return _followed(candidate.removesuffix("."), alias, options)
    if not options.fallback_local:
        raise ConfigError(
            f'Could not resolve host "{name}"',
            phase="looking up the host",
            expected="an address in one of CanonicalDomains: " + (", ".join(options.domains) or "none given"),
            next_step="Check the spelling; with CanonicalizeFallbackLocal yes, such names are left to the resolver.",
        )
    return None


def _aliased(name: str, options: Canonicalization, names: Names) -> str:
    """Return the name after following permitted aliases by the resolver's own rules."""
    if not options.permitted_cnames or not options.asked:
        return name
    alias = names.canonical(name, options.family)
    return name if alias is None else _followed(name, alias, options)


def _followed(name: str, alias: str, options: Canonicalization) -> str:
    alias = alias.removesuffix(".")
    # The alias comes from a name server, and Match exec may use it in a command before the options are complete.
    if _IS_NAME.fullmatch(alias) is None:
        return name
    for rule in options.permitted_cnames:
        if patterns.matches_list(name.lower(), rule.source) and patterns.matches_list(alias.lower(), rule.target):
            return alias.lower()
    return name
