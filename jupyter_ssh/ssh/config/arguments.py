"""The one option grammar of ``jupyter-ssh ssh``, ``%ssh`` and ``%%ssh``: OpenSSH's letters (ssh(1)) and long options.

Options may stand before and after the destination until the command begins; ``--`` ends them.
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
    """The command line is not of ssh's form: an unknown letter, a value or the destination missing."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One option letter of ssh(1).

    ``value`` names the argument it takes.  It sets ``keyword`` to its argument or to ``fixed``: with ``wins`` whatever
    was said before, else as any first value does.  A letter without a keyword is handled by name in `_SPECIAL`.
    """

    letter: str
    meaning: str
    value: str | None = None
    keyword: str | None = None
    fixed: str | None = None
    wins: bool = False
    supported: bool = True


@dataclass(frozen=True, slots=True)
class LongOption:
    """A ``--name`` added by a caller; with ``value`` it takes one, as ``--name value`` or ``--name=value``."""

    name: str
    meaning: str = ""
    value: str | None = None


LETTERS: dict[str, Letter] = {
    row.letter: row
    for row in (
        Letter("4", "use IPv4 only", keyword="AddressFamily", fixed="inet", wins=True),
        Letter("6", "use IPv6 only", keyword="AddressFamily", fixed="inet6", wins=True),
        Letter("A", "forward the agent", keyword="ForwardAgent", fixed="yes", wins=True),
        Letter("a", "do not forward the agent", keyword="ForwardAgent", fixed="no", wins=True),
        Letter("B", "bind to this interface", "interface", "BindInterface", wins=True),
        Letter("b", "connect from this address", "address", "BindAddress", wins=True),
        Letter("C", "compress", keyword="Compression", fixed="yes", wins=True),
        Letter("c", "ciphers, best first", "ciphers", "Ciphers", wins=True),
        Letter("D", "forward a local port as a SOCKS proxy", "[address:]port", supported=False),
        Letter("E", "append messages to this file", "file"),
        Letter("e", "escape character of a terminal session", "character", "EscapeChar", wins=True),
        Letter("F", "configuration file; none for no file", "file"),
        Letter("f", "go to the background once logged in", None, "ForkAfterAuthentication", "yes", wins=True),
        Letter("G", "print the resolved options and end"),
        Letter("g", "let other machines use forwarded ports", supported=False),
        Letter("I", "PKCS#11 library", "library", supported=False),
        Letter("i", "private key file", "file", "IdentityFile"),
        Letter("J", "connect by way of these hosts", "destination", "ProxyJump"),
        Letter("K", "GSSAPI authentication", supported=False),
        Letter("k", "do not forward GSSAPI credentials", keyword="GSSAPIDelegateCredentials", fixed="no"),
        Letter("L", "forward a local port", "address", supported=False),
        Letter("l", "log in as", "user", "User"),
        Letter("M", "be a master connection", supported=False),
        Letter("m", "MACs, best first", "macs", "MACs", wins=True),
        Letter("N", "run no command", keyword="SessionType", fixed="none", wins=True),
        Letter("n", "no standard input", keyword="StdinNull", fixed="yes", wins=True),
        Letter("O", "control a master connection", "command", supported=False),
        Letter("o", "an option as in ssh_config", "option"),
        Letter("P", "tag for Match tagged", "tag", "Tag", wins=True),
        Letter("p", "port", "port", "Port"),
        Letter("Q", "print the algorithms of a kind", "query"),
        Letter("q", "say only what is fatal"),
        Letter("R", "forward a remote port", "address", supported=False),
        Letter("S", "control socket", "path", supported=False),
        Letter("s", "the command is the name of a subsystem", keyword="SessionType", fixed="subsystem", wins=True),
        Letter("T", "no terminal on the remote side", keyword="RequestTTY", fixed="no", wins=True),
        Letter("t", "a terminal on the remote side; twice: even without one here"),
        Letter("V", "print the version and end"),
        Letter("v", "say more; up to three times"),
        Letter("W", "connect standard input and output to host:port", "host:port"),
        Letter("w", "forward a tunnel device", "tunnel", supported=False),
        Letter("X", "forward X11", supported=False),
        Letter("x", "do not forward X11", keyword="ForwardX11", fixed="no"),
        Letter("Y", "forward X11, trusted", supported=False),
        Letter("y", "messages to syslog", supported=False),
    )
}

_STDIO_PLACE = re.compile(r"(?:\[(?P<literal>[^\[\]]+)\]|(?P<name>[^:\[\]/@\s]+)):(?P<port>[0-9]+)")
_SEVERAL_HOPS = "Divide several hosts by commas: -J first,second."
# The weakest of all that is said, as in OpenSSH.
_OF_STDIO_FORWARD = (("ClearAllForwardings", "yes"), ("ExitOnForwardFailure", "yes"))
_LOUDER = {0: "INFO", 1: "DEBUG1", 2: "DEBUG2", 3: "DEBUG3"}


@dataclass(slots=True)
class Arguments:
    """What a command line says. ``command`` is the text for the remote shell, ``words`` what it was made of.

    ``command_line`` goes to `resolve` as it is; ``long`` holds the caller's own options by name (``True`` for a flag).
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
        """The options in the order in which the first value counts."""
        return [*self.winning.items(), *self.ordered, *(_OF_STDIO_FORWARD if self.stdio_forward else ())]

    @property
    def subsystem(self) -> bool:
        """Whether the command is the name of a subsystem (``-s``)."""
        return self.winning.get("SessionType") == "subsystem"


def parse(argv: Sequence[str], extra: Sequence[LongOption] = ()) -> Arguments:
    """Read the words of a command line, without the program's name.

    Raises `Usage`, and `ConfigError` for a letter of OpenSSH's that is not supported yet or a bad destination.
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
    """Read one line of text, as behind ``%ssh``: quotes keep words together, the command stays as it was typed.

    No shell stands between the line and the remote one, so the command's own quotes reach it: ``echo "a  b"`` prints
    two blanks.  A command that is one quoted word loses its quotes, as a person used to a shell expects.
    """
    words, starts = _split_line(line)
    result = parse(words, extra)
    if result.stdio_forward is not None:
        raise ConfigError("option -W is for a shell: a cell has no standard input to carry", phase="options")
    if result.words:
        start = starts[len(words) - len(result.words)]
        raw = line[start:].strip()
        if len(result.words) == 1 and raw[:1] in ("'", '"'):
            # Between single quotes a backslash is one, as in a shell.
            inner = raw[1:-1]
            raw = inner if raw[0] == raw[-1] == "'" and "'" not in inner else result.words[0]
        result.command = raw
    return result


def usage(program: str = "jupyter-ssh ssh", extra: Sequence[LongOption] = ()) -> str:
    """Return the usage text: one line for the form, one for each supported letter and each option of ``extra``."""
    lines = [f"usage: {program} [options] destination [command [argument ...]]", ""]
    for row in LETTERS.values():
        if row.supported:
            lines.append(f"  -{row.letter} {row.value or '':<12} {row.meaning}")
    lines += [f"  --{option.name:<14} {option.meaning}" for option in extra]
    return "\n".join(lines) + "\n"


def _split_line(line: str) -> tuple[list[str], list[int]]:
    """Return the words of a line and where each begins; a quote left open belongs to the command and is no error
    here."""
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
        self.ended = False  # "--" was seen: what follows is no option
        self._long = {option.name.removeprefix("--"): option for option in extra}

    def options(self, words: Sequence[str]) -> int:
        """Read options up to the first word that is none; how many words were used."""
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
        # Said here, they count as -l and -p at this place would.
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
        """``-tt``, ``-vp2222`` or ``-i file``: letters up to one that takes a value; how many words were used."""
        for index, letter in enumerate(word[1:], 2):
            row = LETTERS.get(letter)
            if row is None:
                raise Usage(f"unknown option -- {letter}", phase="options")
            if not row.supported:
                raise ConfigError(f"option -{letter} ({row.meaning}) is not supported yet", phase="options")
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
        """The letters that do more than set a keyword."""
        result = self.result
        if letter == "o":
            result.ordered.append(value)
        elif letter == "W":
            result.stdio_forward = _stdio_place(value)
            result.winning.update(SessionType="none", RequestTTY="no")
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


def _stdio_place(text: str) -> tuple[str, int]:
    """``host:port`` behind ``-W``; an IPv6 address in brackets."""
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
    return "Known are " + ", ".join(f"--{name}" for name in known) + "." if known else None
