"""Collect the values of keywords from lines of text: the first value counts, or for some keywords all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jupyter_ssh.ssh.config import patterns
from jupyter_ssh.ssh.config.keywords import (
    DEPRECATED,
    KEYWORDS,
    KNOWN,
    MISSED,
    OF_VENDORS,
    SILENT,
    STRUCTURE,
    UNSUPPORTED,
    Keyword,
    find_keyword,
)
from jupyter_ssh.ssh.config.tokens import expand_variables
from jupyter_ssh.ssh.config.values import UNSET, RekeyLimit, arguments_of
from jupyter_ssh.ssh.config.words import split_arguments, split_keyword
from jupyter_ssh.ssh.errors import ConfigError

_WAYS = ("proxy", "proxy_command", "proxy_jump")
_BLANKS = " \t="
_LONGEST_SHOWN = 64  # characters of a line's word in an error


class UnknownKeyword(ConfigError):
    """A keyword that is unknown to OpenSSH and to this package."""


class Settings:
    """The values collected so far by keyword, with the source of each.

    ``ignored`` and ``warnings`` are messages about keywords that were accepted but have no effect; ``notes`` are the
    lines of ``ssh -v`` about files and blocks.  ``environment`` is for `Kind.variables`.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.values: dict[str, object] = {}
        self.sources: dict[str, str] = {}
        self.ignored: list[str] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []

    def take_values(self, keywords: Mapping[str, object], where: str) -> None:
        """Take values given by snake_case name; ``None`` means not given.  Raises `ConfigError`."""
        for name, value in keywords.items():
            row = find_keyword(name)
            if row is None:
                raise ConfigError(
                    f'unknown option "{name}"', phase="options", next_step=_near(name) or "See ssh_config(5)."
                )
            if value is None:
                continue
            try:
                arguments = arguments_of(value, row.kind)
                # A list of paths in Python stands for as many IdentityFile lines in a file.
                several = [[word] for word in arguments] if row.gathers and row.kind.most == 1 else [arguments]
                for words in several:
                    self._set(row, self._read(row, words), where)
            except (ValueError, IndexError) as error:
                raise ConfigError(f"{row.option}: {error}", phase="options", expected=row.kind.name) from None

    def take_pair(self, name: str, value: str, where: str) -> None:
        """Take a keyword with the text of one argument, as from an option letter such as ``-i`` with its value."""
        row = find_keyword(name)
        if row is None:
            raise ConfigError(f'{where}: unknown option "{name}"', phase="options")
        try:
            self._set(row, self._read(row, [value]), where)
        except ValueError as error:
            raise ConfigError(f"{where}: {_sentence(error)}", phase="options") from None

    def take_line(self, line: str, where: str, *, active: bool = True) -> None:
        """Take a line as in a file or after ``-o``; it is checked even if it is in a block that does not match.

        Raises `UnknownKeyword` or `ConfigError`, with ``where`` in the text.
        """
        parts = split_keyword(line)
        if parts is not None:
            self.take_parts(*parts, where, active=active)

    def take_parts(self, name: str, rest: str, where: str, *, active: bool) -> None:
        """Take a line that has already been split into its keyword and the rest; see `take_line`."""
        folded = name.lower()
        row = KEYWORDS.get(folded)
        if folded in STRUCTURE:
            raise ConfigError(f"{where}: {name} is allowed only in files", phase="options")
        if not rest.strip(_BLANKS):
            raise ConfigError(f'{where}: no argument after keyword "{shown(name)}"', phase="options")
        if row is not None and row.kind.raw:
            arguments_of_line(name, rest, where)  # checks the quotes too
            arguments = [rest.lstrip(_BLANKS)]
        else:
            arguments = arguments_of_line(name, rest, where, known=row is not None)
        if row is None:
            self._take_other(name, where, active=active)
            return
        if row.kind.most is not None and len(arguments) > row.kind.most:
            raise ConfigError(f"{where}: keyword {name} extra arguments at end of line", phase="options")
        try:
            value = self._read(row, arguments)
        except ValueError as error:
            raise ConfigError(f"{where}: {shown(_sentence(error), 300)}", phase="options") from None
        if active:
            self._set(row, value, where)

    def _read(self, row: Keyword, arguments: Sequence[str]) -> object:
        """Return the value of a keyword; raises ``ValueError``."""
        if row.kind.variables:
            try:
                arguments = [expand_variables(argument, self._environment, row.name) for argument in arguments]
            except ConfigError as error:
                raise ValueError(error.message) from None  # the caller knows where it is
        return row.kind.read(arguments)

    def _set(self, row: Keyword, value: object, where: str) -> None:
        name = row.option
        if value is UNSET:
            return
        self._say_effect(row, value, where)
        if row.gathers and isinstance(value, tuple):
            earlier = self.values.get(name, ())
            assert isinstance(earlier, tuple)
            self.values[name] = _gathered(row, earlier, value)
            self.sources.setdefault(name, where)
        elif name == "rekey_limit" and isinstance(value, RekeyLimit):
            # Size and time each come from the first line that gives one.
            first = self.values.get(name)
            if isinstance(first, RekeyLimit):
                self.values[name] = first if first.seconds is not None else RekeyLimit(first.size, value.seconds)
            else:
                self.values[name] = value
                self.sources[name] = where
        elif name not in self.values and not self._other_way(name):
            self.values[name] = value
            self.sources[name] = where

    def _other_way(self, name: str) -> bool:
        """Return whether the other of ProxyJump and ProxyCommand was given first, which excludes this one."""
        if name not in _WAYS:
            return False
        others = [other for other in _WAYS if other != name and other in self.values]
        # A ProxyCommand counts after "ProxyJump none", but a ProxyJump does not after "ProxyCommand none".
        return any(other != "proxy_jump" or self.values[other] for other in others)

    def _say_effect(self, row: Keyword, value: object, where: str) -> None:
        """Report a keyword that has no effect here, unless it asks for what is the case anyway."""
        if value == row.default or not value:
            return
        if row.effect == MISSED:
            self.warnings.append(f"{where}: {row.name} is not supported yet and has no effect")
        elif row.effect == KNOWN and row.option not in self.values:
            self.ignored.append(f"{where}: {row.name} has no effect in this version")

    def _take_other(self, name: str, where: str, *, active: bool) -> None:
        """Handle a keyword without a row: an obsolete one, a vendor's, or an unknown one."""
        folded = name.lower()
        known = UNSUPPORTED.get(folded)
        if known is not None:
            if active:
                self.warnings.append(f'{where}: Unsupported option "{known}"')
            return
        known = DEPRECATED.get(folded) or OF_VENDORS.get(folded)
        if known is not None:
            if active:
                word = "is deprecated and" if folded in DEPRECATED else "belongs to another OpenSSH and"
                self.ignored.append(f"{where}: {known} {word} has no effect")
            return
        ignored = self.values.get("ignore_unknown")
        if folded in SILENT or (isinstance(ignored, str) and patterns.matches_list(folded, ignored.lower())):
            return
        raise UnknownKeyword(
            f"{where}: Bad configuration option: {shown(name)}", phase="options", next_step=_near(name) or None
        )


def _sentence(error: ValueError) -> str:
    """Return OpenSSH's words without their full stop: more may follow."""
    return str(error).removesuffix(".")


def shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """Return a word of a file for use in an error: without control characters and of bounded length."""
    text = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[: longest + 1])
    return text if len(text) <= longest else text[:longest] + "..."


def arguments_of_line(name: str, rest: str, where: str, *, known: bool = True) -> list[str]:
    """Return the arguments after a keyword.

    Raises `ConfigError` for unclosed quotes, and if a known keyword has no arguments.
    """
    try:
        arguments = split_arguments(rest)
    except ValueError as error:
        raise ConfigError(f"{where}: {_sentence(error)}", phase="options") from None
    if known and (not arguments or not arguments[0]):
        raise ConfigError(f'{where}: no argument after keyword "{shown(name)}"', phase="options")
    return arguments


def _gathered(row: Keyword, earlier: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Combine several lines of one keyword; ``SendEnv -PATTERN`` removes earlier ones."""
    result = list(earlier)
    for word in more:
        if row.option == "send_env" and word.startswith("-"):
            result = [kept for kept in result if not patterns.matches(kept, word[1:])]
        elif row.option == "send_env" or word not in result:
            result.append(word)
    return tuple(result)


def _near(name: str) -> str:
    """Return a question with the keyword that was probably meant, or nothing."""
    import difflib  # only for an error's text

    close = difflib.get_close_matches(name.replace("_", "").lower(), KEYWORDS, n=1, cutoff=0.75)
    if not close:
        return ""
    row = KEYWORDS[close[0]]
    return f"Did you mean {row.option if '_' in name or name.islower() else row.name}?"
