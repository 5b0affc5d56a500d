"""Jump hosts that lead in a circle: found before anything is dialled, and explained by what makes the circle."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from jupyter_ssh.ssh.config.options import Options
from jupyter_ssh.ssh.config.target import Target
from jupyter_ssh.ssh.errors import ConfigError

MAX_JUMPS: Final = 16
"""The most jump hosts on the route to one host."""

# What makes two hosts on a route one host that is reached in one way.
_WAY: Final = ("host", "host_name", "port", "user", "proxy_jump")
_PLACES: Final = {"command line": "the command line (-J or -o ProxyJump)", "argument": "the argument proxy_jump"}
# Stands before the source of a ProxyJump that a hop has from the list of the host behind it.
_LIST: Final = "a list of jump hosts in "


def refuse_own_jump_host(options: Options) -> None:
    """Raise `ConfigError` if a host is its own jump host, as OpenSSH decides it: by the name in ProxyJump as given.

    So one machine may be the jump host of its own other names, such as an address that only it can reach.
    """
    if not options.proxy_jump:
        return
    hop = options.proxy_jump[-1]
    if (hop.host, hop.port or 22, hop.user or options.user) == (options.host_name, options.port, options.user):
        raise _loop([options], hop.host, f"{name_of(options)} would be reached through itself")


def refuse_loop(trail: Sequence[Options], hop: Options) -> None:
    """Raise `ConfigError` if the jump hosts would never end: ``hop`` is to lead to the last host of ``trail``.

    Two hosts on the trail are one if they are reached in one way too.
    """
    for place, earlier in enumerate(trail):
        if all(getattr(hop, name) == getattr(earlier, name) for name in _WAY):
            circle = [*trail[place + 1 :], hop]
            raise _loop(circle, hop.host, f"the jump host {name_of(hop)} would be reached through itself")
    if len(trail) > MAX_JUMPS:
        raise ConfigError(
            f"more than {MAX_JUMPS} jump hosts lead to {name_of(trail[0])}",
            phase="options",
            received=" through ".join(map(name_of, [*trail, hop])),
            next_step=f"Look at ProxyJump for {hop.host}, in {_place(hop)}" if hop.proxy_jump else None,
        )


def behind(options: Options, hop: Options) -> Options:
    """Return the options of a jump host whose own ProxyJump is the rest of the list of the host behind it."""
    source = options.sources.get("proxy_jump", "argument")
    source = source if source.startswith(_LIST) else _LIST + source
    return dataclasses.replace(hop, sources=MappingProxyType({**hop.sources, "proxy_jump": source}))


def name_of(options: Options) -> str:
    """Return ``user@host`` with the port if it is not 22."""
    return f"{options.user}@{options.host}" + ("" if options.port == 22 else f":{options.port}")


def jump_text(hop: Target) -> str:
    """Return a jump host as ProxyJump has it."""
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    user = "" if hop.user is None else f"{hop.user}@"
    return f"{user}{host}" + ("" if hop.port is None else f":{hop.port}")


def _loop(circle: Sequence[Options], via: str, what: str) -> ConfigError:
    """Return the error about hosts each of which is reached through the next, and the last through the first."""
    links = list(dict.fromkeys((one.host, jump_text(one.proxy_jump[-1]), _place(one)) for one in circle))
    made = ", and ".join(f"{place} sends {host} through {jump}" for host, jump, place in links)
    return ConfigError(
        f"jumphost loop via {via}: {what}",
        phase="options",
        next_step=f"What makes the loop: {made}. {_remedy(circle[-1], len(links))}",
    )


def _remedy(last: Options, links: int) -> str:
    """Return what ends a circle of that many links: the last one's ProxyJump must not be used."""
    source = last.sources.get("proxy_jump", "argument")
    if source in _PLACES or source.startswith(_LIST):
        return f"Name {jump_text(last.proxy_jump[-1])} only once."
    host, own = last.host, f"put `ProxyJump none` in a `Host {last.host}` block above it"
    if links > 1:
        return f"Remove one of these lines, or for the last one {own}."
    return f"If that line is meant for others, exclude {host} from its block (`!{host}`) or {own}; else remove it."


def _place(options: Options) -> str:
    """Return where a host's ProxyJump comes from."""
    source = options.sources.get("proxy_jump", "argument")
    whole, source = source.startswith(_LIST), source.removeprefix(_LIST)
    return (_LIST if whole else "") + _PLACES.get(source, source)
