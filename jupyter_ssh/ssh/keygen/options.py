"""The option grammar shared by ``jupyter-ssh keygen`` and ``%ssh_keygen``: ssh-keygen(1)'s letters, as a table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.config.words import next_argument
from jupyter_ssh.ssh.errors import ConfigError, KeygenError
from jupyter_ssh.ssh.keys.files.openssh_ciphers import FILE_CIPHERS
from jupyter_ssh.ssh.keys.files.openssh_file import MAX_ROUNDS

PROGRAM = "jupyter-ssh keygen"
FORMATS = {"rfc4716": "RFC4716", "pkcs8": "PKCS8", "pem": "PEM", "putty": "PuTTY"}
"""The key formats of ``-m`` by lower-case name; the last one is an extension."""
MAX_BITS = 1 << 20
MAX_SERIAL = (1 << 64) - 1


def _number(what: str, least: int, most: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        number = int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 20 else None
        if number is None or not least <= number <= most:
            why = "invalid" if number is None else "too small" if number < least else "too large"
            raise KeygenError(f"{what} {text} ({why})", phase="options", expected=f"{least} to {most}")
        return number

    return convert


def _format(text: str) -> str:
    if text.lower() not in FORMATS:
        raise KeygenError(
            f'Unsupported conversion format "{text}"', phase="options", expected=" or ".join(FORMATS.values())
        )
    return text.lower()


def _hash(text: str) -> str:
    if text.lower() not in ("md5", "sha1", "sha256", "sha384", "sha512"):
        raise KeygenError(f'Invalid hash algorithm "{text}"', phase="options", expected="sha256, md5, sha1, sha512")
    return hashlib.new(text.lower(), usedforsecurity=False).name


def _cipher(text: str) -> str:
    if text not in FILE_CIPHERS:
        raise KeygenError(
            f"Invalid OpenSSH-format cipher '{text}'", phase="options", expected=" or ".join(FILE_CIPHERS)
        )
    return text


def _serial(text: str) -> tuple[int, bool]:
    """Parse a serial number; return it, and whether to increment it for each certificate."""
    digits = text.removeprefix("+")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 25 else -1
    if not 0 <= number <= MAX_SERIAL:
        raise KeygenError(f'Invalid serial number "{text}"', phase="options", expected="0 to 2⁶⁴ - 1")
    return number, text.startswith("+")


def _text(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Letter:
    """An option letter; ``value`` names its argument, ``convert`` converts it for `Arguments`.

    ``refused`` says why a letter of ssh-keygen is not supported.
    """

    letter: str
    meaning: str
    value: str | None = None
    convert: Callable[[str], object] = _text
    refused: str | None = None


_NO_DEVICE = "security keys are not supported: use ssh-keygen on the machine with the device"
_NO_PKCS11 = "PKCS#11 libraries are not supported: use ssh-keygen -D"

LETTERS: dict[str, Letter] = {
    row.letter: row
    for row in (
        Letter("A", "generate missing host keys"),
        Letter("a", "rounds of the key derivation", "rounds", _number("Invalid number:", 1, MAX_ROUNDS)),
        Letter("B", "show the bubblebabble digest of a key"),
        Letter("b", "bits of the new key", "bits", _number("Bits has bad value", 1, MAX_BITS)),
        Letter("C", "comment", "comment"),
        Letter("c", "change the comment of a key"),
        Letter("D", "use a PKCS#11 library", "library", refused=_NO_PKCS11),
        Letter("E", "hash of fingerprints: sha256 or md5", "hash", _hash),
        Letter("e", "export a public key in the format of -m"),
        Letter("F", "find a host in known_hosts", "host"),
        Letter("f", "the file", "file"),
        Letter("g", "with -r: generic DNS format"),
        Letter("H", "hash the names in known_hosts"),
        Letter("h", "with -s: a host certificate"),
        Letter("I", "with -s: the certificate's identity; with -Y: the signer", "identity"),
        Letter("i", "import a key in the format of -m"),
        Letter("K", "fetch the keys that are stored in a security key", refused=_NO_DEVICE),
        Letter("k", "generate a key revocation list"),
        Letter("L", "show the content of certificates"),
        Letter("l", "show the fingerprint of keys"),
        Letter("M", "generate or screen numbers for Diffie-Hellman groups (moduli)", "generate|screen"),
        Letter("m", "key format: RFC4716, PKCS8, PEM or PuTTY", "format", _format),
        Letter("N", "new passphrase; '' for none; without this option you are asked", "passphrase"),
        Letter("n", "with -s: comma-separated principals; with -Y: the namespace", "names"),
        Letter("O", "an option of -s, -Y, -r or -M; may be repeated", "option"),
        Letter("P", "the current passphrase", "passphrase"),
        Letter("p", "change the passphrase or the format of a private key"),
        Letter("Q", "test whether keys are in a revocation list; with -l: show it"),
        Letter("q", "quiet"),
        Letter("R", "remove a host from known_hosts", "host"),
        Letter("r", "print the SSHFP records of a host; with -Y verify: revoked keys", "host|file"),
        Letter("s", "sign certificates with this CA key; with -Y: the signature", "file"),
        Letter("t", "type of the new key", "type"),
        Letter("U", "with -s or -Y sign: the key is in the agent of SSH_AUTH_SOCK"),
        Letter("u", "with -k: add to a key revocation list"),
        Letter("V", "with -s: validity, such as +52w or 20260101:20270101", "interval"),
        Letter("v", "verbose; with -l: also the key's randomart"),
        Letter("w", "library for security keys", "library", refused=_NO_DEVICE),
        Letter("Y", "sign, verify, check-novalidate, find-principals, match-principals", "operation"),
        Letter("y", "print the public key of a private key"),
        Letter("Z", "cipher of the private key file", "cipher", _cipher),
        Letter("z", "with -s: serial number; +N increments it", "serial", _serial),
    )
}

SECRETS = ("N", "P")
"""Letters whose value is a passphrase."""

SYNOPSES = (
    "[-q] [-t type] [-b bits] [-C comment] [-f file] [-m format] [-N passphrase] [-a rounds] [-Z cipher]",
    "-p [-f file] [-m format] [-N new_passphrase] [-P old_passphrase] [-a rounds] [-Z cipher]",
    "-c [-C comment] [-f file] [-P passphrase] [-a rounds]",
    "-i [-f input_keyfile] [-m key_format]",
    "-e [-f input_keyfile] [-m key_format]",
    "-y [-f file]",
    "-l [-v] [-E hash] [-f file]",
    "-B [-f file]",
    "-F host [-lv] [-f known_hosts]",
    "-H [-f known_hosts]",
    "-R host [-f known_hosts]",
    "-r host [-g] [-f file] [-O hashalg=sha1|sha256]",
    "-L [-f file]",
    "-s ca_key -I identity [-hU] [-n principals] [-O option] [-V interval] [-z serial] file ...",
    "-A [-f prefix]",
    "-M generate [-O option] output_file",
    "-M screen [-f input_file] [-O option] output_file",
    "-k -f krl_file [-u] [-s ca_key] [-z version] file ...",
    "-Q [-l] -f krl_file [file ...]",
    "-Y sign -f key -n namespace [-U] [-O option] [file ...]",
    "-Y verify -f allowed_signers -I signer -n namespace -s signature [-r revoked] [-O option]",
    "-Y check-novalidate -n namespace -s signature [-O option]",
    "-Y find-principals -s signature -f allowed_signers [-O option]",
    "-Y match-principals -I signer -f allowed_signers",
)


@dataclass(slots=True)
class Arguments:
    """A parsed command line.  It is never shown, because it may contain passphrases."""

    given: dict[str, object] = field(default_factory=dict, repr=False)
    """The converted value of each letter, the last one counting; "" for letters without a value."""
    options: list[str] = field(default_factory=list)
    """The values of ``-O``, in order."""
    verbose: int = 0
    operands: list[str] = field(default_factory=list)

    def has(self, letter: str) -> bool:
        """Return whether the letter was given."""
        return letter in self.given

    def text(self, letter: str) -> str | None:
        """Return the value of a letter with a text."""
        value = self.given.get(letter)
        assert value is None or isinstance(value, str)
        return value

    def number(self, letter: str) -> int | None:
        """Return the value of a letter with a number."""
        value = self.given.get(letter)
        assert value is None or isinstance(value, int)
        return value

    @property
    def quiet(self) -> bool:
        """``-q``."""
        return "q" in self.given

    @property
    def serial(self) -> tuple[int, bool]:
        """``-z``: the number, and whether to increment it."""
        value = self.given.get("z", (0, False))
        assert isinstance(value, tuple)
        return value

    @property
    def fingerprint_hash(self) -> str:
        """``-E``, a name for `hashlib`."""
        return self.text("E") or "sha256"


def parse(argv: Sequence[str]) -> Arguments:
    """Parse the words of a command line, without the program's name: options, then operands, as getopt(3) does.

    Raises `Usage` for a malformed command line, `KeygenError` for an invalid value, and `ConfigError` for a letter of
    ssh-keygen that is not supported.
    """
    result = Arguments()
    words = list(argv)
    while words:
        word = words[0]
        if word == "--":
            del words[0]
            break
        if len(word) < 2 or not word.startswith("-"):
            break
        del words[0]
        _bundle(word, words, result)
    result.operands = words
    return result


def split_line(line: str) -> list[str]:
    """Split a line of text into words, respecting quotes.  Raises `Usage` for an unclosed quote."""
    words: list[str] = []
    position = 0
    while True:
        while position < len(line) and line[position].isspace():
            position += 1
        if position == len(line):
            return words
        try:
            word, position = next_argument(line, position)
        except ValueError:
            # Without the text, which may be a part of a passphrase.
            raise Usage("a quote is not closed", phase="options") from None
        words.append(word)


def usage(program: str = PROGRAM) -> str:
    """Return the usage text: the forms, then a line for each letter."""
    lines = [f"{'usage:' if number == 0 else '      '} {program} {form}" for number, form in enumerate(SYNOPSES)]
    lines.append("")
    for row in LETTERS.values():
        if row.refused is None:
            lines.append(f"  -{row.letter} {row.value or '':<10} {row.meaning}")
    return "\n".join(lines) + "\n"


def _bundle(word: str, following: list[str], result: Arguments) -> None:
    """Parse ``-lv``, ``-lf FILE`` or ``-fFILE``: letters up to one with a value, which may be the next word."""
    for index, letter in enumerate(word[1:], 2):
        row = LETTERS.get(letter)
        if row is None:
            raise Usage(f"unknown option -- {letter}", phase="options")
        if row.refused is not None:
            raise ConfigError(f"-{letter}: {row.refused}", phase="options")
        if row.value is None:
            result.given[letter] = ""
            result.verbose += letter == "v"
            continue
        if not word[index:] and not following:
            raise Usage(f"option requires an argument -- {letter}", phase="options", expected=row.value)
        value = word[index:] or following.pop(0)
        if letter == "O":
            result.options.append(value)
        result.given[letter] = row.convert(value)
        return
