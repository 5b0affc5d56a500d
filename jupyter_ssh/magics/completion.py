"""Tab completion for the lines of the magics: options, their values, hosts.

A matcher of IPython's second API (8.6 and newer), added to the completer's ``custom_matchers``: it serves both the
notebook's completion requests and Tab in the terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_ssh.magics.candidates import Candidate, files

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from jupyter_ssh.ssh.config.arguments import LongOption

# "%ssh ...", "%%ssh ..." on the first line, "name = %ssh ..."; then the words up to the cursor.
_LINE = re.compile(
    r"\s*(?:[\w.\[\]'\", ]+=\s*)?(?P<percent>%{1,2})(?P<magic>ssh_(?:add|close|keygen|terminal)|ssh)\s+(?P<rest>.*)\Z",
    re.DOTALL,
)

_INTERPRETERS = ("bash", "sh", "zsh", "python3", "perl", "ruby", "node", "psql", "sqlite3")


def install(shell: InteractiveShell) -> None:
    """Add the matcher to the shell's completer."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and ssh_matcher() not in completer.custom_matchers:
        completer.custom_matchers.append(ssh_matcher())


def remove(shell: InteractiveShell) -> None:
    """Remove the matcher from the completer."""
    completer = getattr(shell, "Completer", None)
    if completer is not None and ssh_matcher() in completer.custom_matchers:
        completer.custom_matchers.remove(ssh_matcher())


_matcher: Any = None


def ssh_matcher() -> Callable[[CompletionContext], SimpleMatcherResult]:
    """Return the matcher for IPython."""
    global _matcher
    if _matcher is None:
        from IPython.core.completer import SimpleCompletion, context_matcher

        @context_matcher(identifier="jupyter_ssh")  # type: ignore[untyped-decorator,unused-ignore]
        def match(context: CompletionContext) -> SimpleMatcherResult:
            fragment, candidates = complete(context.text_until_cursor, first_line=context.cursor_line == 0)
            return {
                "completions": [SimpleCompletion(text=text, type=kind) for text, kind in candidates],
                "matched_fragment": fragment,
                "suppress": bool(candidates),
                "do_not_suppress": set(),
                "ordered": True,
            }

        _matcher = match
    matcher: Callable[[CompletionContext], SimpleMatcherResult] = _matcher
    return matcher


def complete(text: str, *, first_line: bool = True) -> tuple[str, list[Candidate]]:
    """Return the fragment at the end of ``text`` and what could replace it."""
    match = _LINE.match(text)
    if match is None or (match["percent"] == "%%" and not first_line):
        return "", []
    words = match["rest"].split()
    fragment = words.pop() if words and not match["rest"][-1].isspace() else ""
    if match["magic"] == "ssh_close":
        candidates: Iterable[Candidate] = [*_open_names(), ("--all", "option")]
    elif match["magic"] == "ssh_keygen":
        from jupyter_ssh.magics.keygen_completion import candidates_for

        candidates = candidates_for(words, fragment)
    elif match["magic"] == "ssh_add":
        from jupyter_ssh.magics.add_completion import candidates_for as candidates_to_add

        candidates = candidates_to_add(words, fragment)
    elif match["magic"] == "ssh_terminal":
        from jupyter_ssh.magics.options import TERMINAL_OPTIONS

        candidates = _for_ssh(words, fragment, TERMINAL_OPTIONS, cell=False)
    else:
        from jupyter_ssh.magics.options import LONG_OPTIONS

        candidates = _for_ssh(words, fragment, LONG_OPTIONS, cell=match["percent"] == "%%")
    return fragment, [(text, kind) for text, kind in candidates if text.startswith(fragment)]


def _for_ssh(words: list[str], fragment: str, long_options: Sequence[LongOption], *, cell: bool) -> Iterable[Candidate]:
    from jupyter_ssh.ssh.config.arguments import LETTERS

    destination: str | None = None
    command = False
    value_of = ""  # the option whose value the next word is
    for word in words:
        if value_of:
            value_of = ""
        elif command:
            break
        elif word.startswith("--") and word != "--":
            option = next((option for option in long_options if f"--{option.name}" == word), None)
            value_of = word if option is not None and option.value else ""
        elif word.startswith("-") and len(word) > 1:
            takes = next((letter for letter in word[1:] if letter in LETTERS and LETTERS[letter].value), None)
            value_of = f"-{takes}" if takes is not None and word.endswith(takes) else ""
        elif destination is None:
            destination = word
        else:
            command = True
    if value_of:
        values = _VALUES.get(value_of)
        return values(fragment) if values is not None else []
    if command:
        return []
    if fragment.startswith("-"):
        letters = [(f"-{row.letter}", row.meaning) for row in LETTERS.values() if row.supported]
        return [*letters, *((f"--{option.name}", option.meaning) for option in long_options)]
    if destination is None:
        return _hosts(fragment)
    return [(name, "interpreter") for name in _INTERPRETERS] if cell else []


def _hosts(fragment: str) -> list[Candidate]:
    from jupyter_ssh.kernel.hosts import known_names

    user, at, _ = fragment.rpartition("@")
    names = [(user + at + name, "host") for name in known_names()]
    return names if at else [*_open_names(), *names]


def _open_names() -> list[Candidate]:
    from jupyter_ssh.kernel.connections.registry import get_connections

    return [(connection.name, "connection") for connection in get_connections().opened()]


def _keywords(fragment: str) -> list[Candidate]:
    from jupyter_ssh.ssh.config.keywords import ROWS

    return [(f"{row.name}=", "keyword") for row in ROWS]


def _algorithms(kind: str) -> Callable[[str], list[Candidate]]:
    def values(fragment: str) -> list[Candidate]:
        from jupyter_ssh.ssh.crypto.ciphers import CIPHERS
        from jupyter_ssh.ssh.crypto.macs import MACS

        chosen, comma, _ = fragment.rpartition(",")
        table: Iterable[str] = CIPHERS if kind == "ciphers" else MACS
        return [(chosen + comma + name, kind) for name in table]

    return values


_VALUES: dict[str, Callable[[str], list[Candidate]]] = {
    "-i": files,
    "-F": files,
    "-o": _keywords,
    "-c": _algorithms("ciphers"),
    "-m": _algorithms("macs"),
}
"""What to offer as the value of an option."""
