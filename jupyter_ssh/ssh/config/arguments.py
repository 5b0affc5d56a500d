"""The option grammar shared by ``jupyter-ssh ssh``, ``%ssh`` and ``%%ssh``: ssh(1)'s letters, and long options.

Options may come before and after the destination, up to the command; ``--`` ends them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from jupyter_ssh.ssh.config.target import Target, parse_target
from jupyter_ssh.ssh.config.values import parse_port
from jupyter_ssh.ssh.config.words import next_argument
from jupyter_ssh.ssh.errors import ConfigError


class Usage(ConfigError):
    """The command line is malformed: an unknown option, or a missing value or destination."""


@dataclass(frozen=True, slots=True)
class Letter:
    """An option letter of ssh(1).

    ``value`` names its argument, if it takes one.  It sets ``keyword`` to its argument or to ``fixed``: with ``wins``
    it overrides earlier values, otherwise the first value counts.  Letters without a keyword are handled by `_special`.
    ``only``: the one value that is supported, which asks for nothing.
    """

    letter: str
    meaning: str
    value: str | None = None
    keyword: str | None = None
    fixed: str | None = None
    wins: bool = False
    supported: bool = True
    only: str | None = None


@dataclass(frozen=True, slots=True)
class LongOption:
    """An option ``--name`` added by a caller; if it has a ``value``: ``--name value`` or ``--name=value``."""

    name: str
    meaning: str = ""
    value: str | None = None


LETTERS: dict[str, Letter] = {
    row.letter: row
    for row in (
        Letter("1", "SSH protocol 1", supported=False),
        Letter("2", "SSH protocol 2, which is always used"),
        Letter("4", "use IPv4 only", keyword="AddressFamily", fixed="inet", wins=True),
        Letter("6", "use IPv6 only", keyword="AddressFamily", fixed="inet6", wins=True),
        Letter("A", "forward the agent", keyword="ForwardAgent", fixed="yes", wins=True),
        Letter("a", "do not forward the agent", keyword="ForwardAgent", fixed="no", wins=True),
        Letter("B", "bind to this interface", "interface", "BindInterface", wins=True),
        Letter("b", "connect from this address", "address", "BindAddress", wins=True),
        Letter("C", "compress", keyword="Compression", fixed="yes", wins=True),
        Letter("c", "ciphers, best first", "ciphers", "Ciphers", wins=True),
        Letter("D", "forward a local port as a SOCKS proxy", "[address:]port", supported=False),
        Letter("E", "append log messages to this file", "file"),
        Letter("e", "escape character of a terminal session", "character", "EscapeChar", wins=True),
        Letter("F", "configuration file, or none", "file"),
        Letter("f", "go to the background after the login", None, "ForkAfterAuthentication", "yes", wins=True),
        Letter("G", "print the resolved options and exit"),
        Letter("g", "allow remote hosts to use forwarded ports", None, "GatewayPorts", "yes", wins=True),
        Letter("I", "PKCS#11 library", "none", "PKCS11Provider", wins=True, only="none"),
        Letter("i", "private key file", "file", "IdentityFile"),
        Letter("J", "connect through these jump hosts", "destination", "ProxyJump"),
        Letter("K", "GSSAPI authentication", supported=False),
        Letter("k", "do not forward GSSAPI credentials", keyword="GSSAPIDelegateCredentials", fixed="no"),
        Letter("L", "forward a local port", "address", supported=False),
        Letter("l", "log in as", "user", "User"),
        Letter("M", "become a control master", supported=False),
        Letter("m", "MACs, best first", "macs", "MACs", wins=True),
        Letter("N", "do not run a command", keyword="SessionType", fixed="none", wins=True),
        Letter("n", "no standard input", keyword="StdinNull", fixed="yes", wins=True),
        Letter("O", "control a control master", "command", supported=False),
        Letter("o", "an option in the format of ssh_config", "option"),
        Letter("P", "tag for Match tagged", "tag", "Tag", wins=True),
        Letter("p", "port", "port", "Port"),
        Letter("Q", "list the supported algorithms", "query"),
        Letter("q", "quiet: only fatal errors"),
        Letter("R", "forward a remote port", "address", supported=False),
        Letter("S", "control socket", "none", "ControlPath", wins=True, only="none"),
        Letter("s", "the command is the name of a subsystem", keyword="SessionType", fixed="subsystem", wins=True),
        Letter("T", "do not allocate a remote terminal", keyword="RequestTTY", fixed="no", wins=True),
        Letter("t", "allocate a remote terminal; twice: even without a local one"),
        Letter("V", "print the version and exit"),
        Letter("v", "verbose; up to three times"),
        Letter("W", "connect standard input and output to host:port", "host:port"),
        Letter("w", "forward a tunnel device", "tunnel", supported=False),
        Letter("X", "forward X11", supported=False),
        Letter("x", "do not forward X11", keyword="ForwardX11", fixed="no"),
        Letter("Y", "trusted X11 forwarding", supported=False),
        Letter("y", "send log messages to syslog", supported=False),
    )
}

_STDIO_PLACE = re.compile(r"(?:\[(?P<literal>[^\[\]]+)\]|(?P<name>[^:\[\]/@\s]+)):(?P<port>[0-9a-z-]+)")
_SEVERAL_HOPS = "Separate several hosts by commas: -J first,second."
# Everything else takes precedence over these, as in OpenSSH.
_OF_STDIO_FORWARD = (("ClearAllForwardings", "yes"), ("ExitOnForwardFailure", "yes"))
_LOUDER = {0: "INFO", 1: "DEBUG1", 2: "DEBUG2", 3: "DEBUG3"}


@dataclass(slots=True)
class Arguments:
    """A parsed command line.  ``command`` is the text for the remote shell, ``words`` the words it was joined from.

    Pass ``command_line`` to `resolve`; ``long`` holds the caller's own options by name (``True`` for a flag).
    """

    destination: str | None = None
    target: Target | None = None
    command: str | None = None
    words: list[str] = field(default_factory=list)
    config: str | None = None
    log_file: str | None = None
    query: str | None = None
    stdio_forward: tuple[str, int] | None = None
    print_options: bool = False
    version: bool = False
    quiet: bool = False
    verbose: int = 0
    long: dict[str, str | bool] = field(default_factory=dict)
    ordered: list[str | tuple[str, str]] = field(default_factory=list)
    winning: dict[str, str] = field(default_factory=dict)

    @property
    def command_line(self) -> list[str | tuple[str, str]]:
        """The options, in an order in which the first value of a keyword counts."""
        return [*self.winning.items(), *self.ordered, *(_OF_STDIO_FORWARD if self.stdio_forward else ())]

    @property
    def subsystem(self) -> bool:
        """Whether the command is the name of a subsystem (``-s``)."""
        return self.winning.get("SessionType") == "subsystem"


def parse(argv: Sequence[str], extra: Sequence[LongOption] = ()) -> Arguments:
    """Parse the words of a command line, without the program's name.

    Raises `Usage`, and `ConfigError` for an option of OpenSSH that is not supported yet or an invalid destination.
    """
    parser = _Parser(extra)
    words = list(argv)
    rest = parser.options(words)
    if rest < len(words):
        parser.destination(words[rest])
        rest += 1
        if not parser.ended:
            rest += parser.options(words[rest:])
    parser.result.words = words[rest:]
    if parser.result.words:
        parser.result.command = " ".join(parser.result.words)
    return parser.result


def parse_line(line: str, extra: Sequence[LongOption] = ()) -> Arguments:
    """Parse a line of text, as after ``%ssh``: quotes keep words together, and the command stays as typed.

    There is no local shell, so the command's quotes reach the remote one: ``echo "a  b"`` prints two blanks.  A command
    that is a single quoted word loses its quotes, as a user of shells expects.
    """
    words, starts = _split_line(line)
    result = parse(words, extra)
    if result.stdio_forward is not None:
        raise ConfigError("option -W works only in a shell: a cell has no standard input to forward", phase="options")
    if result.words:
        start = starts[len(words) - len(result.words)]
        raw = line[start:].strip()
        if len(result.words) == 1 and raw[:1] in ("'", '"'):
            # Within single quotes a backslash is literal, as in a shell.
            inner = raw[1:-1]
            raw = inner if raw[0] == raw[-1] == "'" and "'" not in inner else result.words[0]
        result.command = raw
    return result


def usage(program: str = "jupyter-ssh ssh", extra: Sequence[LongOption] = ()) -> str:
    """Return the usage text: the form, then a line for each supported letter and each option in ``extra``."""
    lines = [f"usage: {program} [options] destination [command [argument ...]]", ""]
    for row in LETTERS.values():
        if row.supported:
            lines.append(f"  -{row.letter} {row.value or '':<12} {row.meaning}")
    lines += [f"  --{option.name:<14} {option.meaning}" for option in extra]
    return "\n".join(lines) + "\n"


def _split_line(line: str) -> tuple[list[str], list[int]]:
    """Return the words of a line and their positions; an unclosed quote is not an error here, but the command's."""
    words: list[str] = []
    starts: list[int] = []
    position = 0
    while True:
        while position < len(line) and line[position].isspace():
            position += 1
        if position == len(line):
            return words, starts
        starts.append(position)
        try:
            word, position = next_argument(line, position)
        except ValueError:
            word, position = line[position:], len(line)
        words.append(word)


class _Parser:
    def __init__(self, extra: Sequence[LongOption]) -> None:
        self.result = Arguments()
        self.ended = False  # after "--" there are no more options
        self._long = {option.name.removeprefix("--"): option for option in extra}

    def options(self, words: Sequence[str]) -> int:
        """Parse options up to the first word that is not one; return how many words were used."""
        used = 0
        while used < len(words):
            word = words[used]
            if word == "--":
                self.ended = True
                return used + 1
            if not word.startswith("-") or word == "-":
                break
            following = words[used + 1] if used + 1 < len(words) else None
            used += self._long_option(word, following) if word.startswith("--") else self._bundle(word, following)
        return used

    def destination(self, text: str) -> None:
        target = parse_target(text)
        self.result.destination, self.result.target = text, target
        # They count like -l and -p at this position.
        if target.user is not None:
            self.result.ordered.append(("User", target.user))
        if target.port is not None:
            self.result.ordered.append(("Port", str(target.port)))

    def _long_option(self, word: str, following: str | None) -> int:
        name, equals, value = word[2:].partition("=")
        option = self._long.get(name)
        if option is None:
            raise Usage(f"unknown option --{name}", phase="options", next_step=_known_long(self._long))
        if option.value is None:
            if equals:
                raise Usage(f"option --{name} takes no value", phase="options")
            self.result.long[name] = True
            return 1
        if equals:
            self.result.long[name] = value
            return 1
        if following is None:
            raise Usage(f"option --{name} requires a value: {option.value}", phase="options")
        self.result.long[name] = following
        return 2

    def _bundle(self, word: str, following: str | None) -> int:
        """Parse ``-tt``, ``-vp2222`` or ``-i file``, up to a letter that takes a value; return how many words were
        used."""
        for index, letter in enumerate(word[1:], 2):
            row = LETTERS.get(letter)
            if row is None:
                raise Usage(f"unknown option -- {letter}", phase="options")
            if not row.supported:
                raise _not_supported(row)
            if row.value is None:
                self._take(row, "")
                continue
            if word[index:]:
                self._take(row, word[index:])
                return 1
            if following is None:
                raise Usage(f"option requires an argument -- {letter}", phase="options", expected=row.value)
            self._take(row, following)
            return 2
        return 1

    def _take(self, row: Letter, value: str) -> None:
        text = row.fixed if row.fixed is not None else value
        if row.only is not None and text != row.only:
            raise _not_supported(row)
        if row.keyword is None:
            self._special(row.letter, value)
        elif row.wins:
            self.result.winning[row.keyword] = text
        else:
            if row.letter == "p":
                _check_port(text)
            elif row.letter == "J":
                self._check_single_jump()
            self.result.ordered.append((row.keyword, text))
        if row.letter == "N":
            self.result.winning["RequestTTY"] = "no"
        elif row.letter == "f":
            self.result.winning["StdinNull"] = "yes"

    def _check_single_jump(self) -> None:
        if any(isinstance(option, tuple) and option[0] == "ProxyJump" for option in self.result.ordered):
            raise ConfigError("Only a single -J option is permitted", phase="options", next_step=_SEVERAL_HOPS)

    def _special(self, letter: str, value: str) -> None:
        """Handle the letters that do more than set a keyword."""
        result = self.result
        if letter == "o":
            result.ordered.append(value)
        elif letter == "W":
            result.stdio_forward = _stdio_endpoint(value)
            result.winning.update(SessionType="none", RequestTTY="no")
        elif letter == "2":
            return
        elif letter == "t":
            asked = result.winning.get("RequestTTY") in ("yes", "force")
            result.winning["RequestTTY"] = "force" if asked else "yes"
        elif letter == "v":
            result.quiet, result.verbose = False, min(result.verbose + 1, 3)
            result.winning["LogLevel"] = _LOUDER[result.verbose]
        elif letter == "q":
            result.quiet, result.verbose = True, 0
            result.winning["LogLevel"] = "QUIET"
        else:
            name, given = {
                "E": ("log_file", value),
                "F": ("config", value),
                "G": ("print_options", True),
                "Q": ("query", value),
                "V": ("version", True),
            }[letter]
            setattr(result, name, given)


def _not_supported(row: Letter) -> ConfigError:
    if row.letter == "1":
        step = "Leave out -1; version 2 is always used."
        return ConfigError("SSH protocol v.1 (-1) is not supported", phase="options", next_step=step)
    return ConfigError(f"option -{row.letter} ({row.meaning}) is not supported yet", phase="options", expected=row.only)


def _stdio_endpoint(text: str) -> tuple[str, int]:
    """Parse ``host:port`` after ``-W``; an IPv6 address is in brackets."""
    match = _STDIO_PLACE.fullmatch(text)
    if match is None:
        raise ConfigError(f'Bad stdio forwarding specification "{text}"', phase="options", expected="host:port")
    _check_port(match["port"])
    return match["literal"] or match["name"], parse_port(match["port"])


def _check_port(text: str) -> None:
    try:
        parse_port(text)
    except ValueError as error:
        raise ConfigError(str(error), phase="options", expected="1 to 65535") from None


def _known_long(known: dict[str, LongOption]) -> str | None:
    return "The long options are " + ", ".join(f"--{name}" for name in known) + "." if known else None
