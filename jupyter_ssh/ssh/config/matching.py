"""``Match`` in ssh_config(5): a line's criteria and whether they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.local_context import VERSION, LocalContext
from jupyter_ssh.ssh.config.tokens import ALL_TOKENS, expand_percent
from jupyter_ssh.ssh.errors import ConfigError


@dataclass(slots=True)
class MatchContext:
    """What Host and Match compare with; the callables are called when needed, as earlier lines may change their
    results.

    ``host`` is the HostName so far; ``listed`` is the name that Host compares with: as typed, or in the second pass
    (``final``) the canonical name.  ``note`` takes lines for ``-v``.
    """

    original_host: str
    listed: str
    host: Callable[[], str]
    user: Callable[[], str]
    tag: Callable[[], str]
    tokens: Callable[[], Mapping[str, str]]
    local: LocalContext
    note: Callable[[str], None] = lambda line: None
    final: bool = False
    final_requested: bool = False


_Address = IPv4Address | IPv6Address
_Criterion = tuple[bool, str, str]  # negated, name, value


def match_holds(arguments: list[str], where: str, context: MatchContext, *, reachable: bool) -> bool:
    """Return whether all criteria of a Match line hold.

    All of them are checked for errors, but a command is run only if everything before it holds and the line is
    ``reachable``.  Raises `ConfigError` for an invalid line.
    """
    result = True
    for negated, name, value in _criteria(arguments, where):
        if name == "exec" and not (result and reachable):
            continue
        if _holds(name, value, where, context) == negated:
            result = False
    return result and reachable


def _criteria(arguments: list[str], where: str) -> list[_Criterion]:
    """Return the criteria of a line; a value follows as the next argument or after ``=``."""
    result: list[_Criterion] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        negated = name.startswith("!")
        name = name.removeprefix("!").lower()
        if any(earlier == "all" for _, earlier, _ in result):
            raise ConfigError(f"{where}: 'all' cannot be combined with other Match attributes", phase="options")
        if name in _WITHOUT_VALUE and not equals:
            result.append((negated, name, ""))
            continue
        if name not in _WITH_VALUE:
            raise ConfigError(f"{where}: Unsupported Match attribute {word}", phase="options")
        if not value and not equals:
            following = next(words, None)
            if following == "=":
                following = next(words, None)
            value = "" if following is None else following.removeprefix("=")
            if following is None or (not value and name not in _EMPTY_ALLOWED):
                raise ConfigError(f"{where}: missing argument for Match '{name}'", phase="options")
        elif not value and name not in _EMPTY_ALLOWED:
            raise ConfigError(f"{where}: missing argument for Match '{name}'", phase="options")
        result.append((negated, name, value))
    return result


def _holds(name: str, value: str, where: str, context: MatchContext) -> bool:
    if name == "all":
        return True
    if name in ("canonical", "final"):
        context.final_requested |= name == "final"
        return context.final
    if name == "exec":
        return _exec(value, where, context)
    if name == "localnetwork":
        return _local_network(value, where, context)
    subject = _SUBJECTS[name](context)
    if not value:
        return not subject
    if name in ("host", "originalhost"):
        return patterns.matches_list(subject.lower(), value.lower())
    return patterns.matches_list(subject, value)


_SUBJECTS: dict[str, Callable[[MatchContext], str]] = {
    "host": lambda context: context.host(),
    "originalhost": lambda context: context.original_host,
    "user": lambda context: context.user(),
    "localuser": lambda context: context.local.user_name,
    "tagged": lambda context: context.tag(),
    "version": lambda context: VERSION,
    "sessiontype": lambda context: context.local.session,
    "command": lambda context: context.local.command,
}
_WITHOUT_VALUE = frozenset({"all", "canonical", "final"})
_WITH_VALUE = frozenset(_SUBJECTS) | {"exec", "localnetwork"}
_EMPTY_ALLOWED = frozenset({"tagged", "command"})  # 'Match tagged ""' matches if there is no tag


def _exec(value: str, where: str, context: MatchContext) -> bool:
    try:
        command = expand_percent(value, ALL_TOKENS, context.tokens(), "Match exec")
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", phase="options", next_step=error.next_step) from None
    what = f"{where}: Match exec '{command}'"
    if context.local.run is None:
        raise ConfigError(f"{what} cannot be run here", phase="options")
    context.note(f"Executing command: '{command}'")
    try:
        status = context.local.run(command)
    except TimeoutError as error:
        raise ConfigError(
            f"{what} did not finish",
            phase="options",
            expected="a command that finishes quickly",
            received=str(error) or None,
            next_step="Run it in a shell to see what it waits for, and put cheaper criteria before it on its line.",
        ) from None
    except OSError as error:
        raise ConfigError(f"{what}: {error.strerror}", phase="options") from None
    if status < 0:
        raise ConfigError(f"{what} exited abnormally", phase="options", received=f"signal {-status}")
    return status == 0


def _local_network(value: str, where: str, context: MatchContext) -> bool:
    if context.local.addresses is None:
        raise ConfigError(f"{where}: Match localnetwork: the network interfaces are not known here", phase="options")
    try:
        networks = [(word.startswith("!"), ip_network(word.removeprefix("!"))) for word in value.split(",")]
    except ValueError as error:
        text = f"{where}: Invalid address or network in Match localnetwork: {error}"
        raise ConfigError(text, phase="options", expected="such as 192.0.2.0/24,2001:db8::/32") from None
    return any(_in_networks(address, networks) for address in _parsed(context.local.addresses()))


def _in_networks(address: _Address, networks: Sequence[tuple[bool, IPv4Network | IPv6Network]]) -> bool:
    inside = [negated for negated, network in networks if address in network]
    return bool(inside) and not any(inside)


def _parsed(addresses: Iterable[str]) -> list[_Address]:
    result: list[_Address] = []
    for address in addresses:
        try:
            result.append(ip_address(address.partition("%")[0]))
        except ValueError:
            continue
    return result
