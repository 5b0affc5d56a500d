"""The option grammar: letters, bundles, long options, and where the command begins."""

from __future__ import annotations

import pytest

from jupyter_ssh.ssh.config import LongOption, Usage, parse, parse_line
from jupyter_ssh.ssh.config.arguments import LETTERS, usage
from jupyter_ssh.ssh.errors import ConfigError

LONG = [LongOption("--out", value="name"), LongOption("--bg"), LongOption("--no-raise-error")]
OPENSSH_LETTERS = "1246AaBbCcDEeFfGgIiJKkLlMmNnOoPpQqRSsTtVvWwXxYy"


def test_every_letter_of_openssh_is_known() -> None:
    assert set(LETTERS) == set(OPENSSH_LETTERS)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("host", None),
        ("host uname -a", "uname -a"),
        ("host -v uname -a", "uname -a"),
        ("-v host -p 22 -- -x y", "-x y"),
        ("-- host -v", "-v"),
        ("host - -v", "- -v"),
    ],
)
def test_options_end_where_the_command_begins(words: str, command: str | None) -> None:
    parsed = parse(words.split())
    assert (parsed.destination, parsed.command) == ("host", command)


def test_bundles_and_values() -> None:
    parsed = parse(["-ttvp2222", "-i", "a b", "-lalice", "-oBatchMode=yes", "host", "-o", "User x", "-vC"])
    assert parsed.ordered == [
        ("Port", "2222"),
        ("IdentityFile", "a b"),
        ("User", "alice"),
        "BatchMode=yes",
        "User x",
    ]
    assert parsed.winning == {"RequestTTY": "force", "LogLevel": "DEBUG2", "Compression": "yes"}
    assert parsed.command_line[0] == ("RequestTTY", "force")
    assert parsed.verbose == 2


def test_the_destination_takes_its_place_among_the_options() -> None:
    assert parse(["ssh://bob@host:1", "-l", "alice"]).ordered == [("User", "bob"), ("Port", "1"), ("User", "alice")]


def test_the_others() -> None:
    parsed = parse(["-F", "none", "-E", "log", "-G", "-V", "-Q", "cipher", "-q", "-s", "host", "sftp"])
    assert (parsed.config, parsed.log_file, parsed.query) == ("none", "log", "cipher")
    assert (parsed.print_options, parsed.version, parsed.quiet, parsed.subsystem) == (True, True, True, True)
    assert parse(["-N", "host"]).winning == {"SessionType": "none", "RequestTTY": "no"}
    assert parse(["-vqv"]).winning == {"LogLevel": "DEBUG1"}
    assert parse([]).destination is None


@pytest.mark.parametrize("letter", [row.letter for row in LETTERS.values() if not row.supported and row.letter != "1"])
def test_letters_of_a_later_version_say_so(letter: str) -> None:
    with pytest.raises(ConfigError, match=f"option -{letter} .*not supported yet"):
        parse([f"-{letter}", "value", "host"])


@pytest.mark.parametrize("letter", "IS")
def test_letters_whose_feature_is_missing_take_none(letter: str) -> None:
    assert list(parse([f"-{letter}", "none", "host"]).winning.values()) == ["none"]
    assert list(parse([f"-v{letter}none", "host"]).winning.values()) == ["DEBUG1", "none"]
    with pytest.raises(ConfigError, match=f"option -{letter} .*not supported yet"):
        parse([f"-{letter}", "/run/socket", "host"])
    with pytest.raises(Usage):
        parse([f"-{letter}"])


def test_protocol_1_is_refused_as_in_openssh() -> None:
    with pytest.raises(ConfigError, match=r"SSH protocol v\.1 .*is not supported\. Leave out -1") as caught:
        parse(["-1", "host"])
    assert "yet" not in str(caught.value)


def test_protocol_2_goes_without_saying() -> None:
    parsed = parse(["-2", "-v2C", "host", "-2", "uname"])
    assert (parsed.destination, parsed.command) == ("host", "uname")
    assert parsed.winning == {"LogLevel": "DEBUG1", "Compression": "yes"}


@pytest.mark.parametrize("words", [["-Z"], ["-p"], ["-vZ", "h"], ["--unknown"], ["host", "-p"], ["-o"]])
def test_what_is_not_of_the_form(words: list[str]) -> None:
    with pytest.raises(Usage):
        parse(words)


@pytest.mark.parametrize("words", [["-p", "x", "h"], ["-p0", "h"], ["@h"], ["a;b"]])
def test_bad_values(words: list[str]) -> None:
    with pytest.raises(ConfigError):
        parse(words)


def test_long_options() -> None:
    parsed = parse(["--out", "x", "-v", "host", "--bg", "python3", "--no-raise-error"], LONG)
    assert parsed.long == {"out": "x", "bg": True}
    assert parsed.command == "python3 --no-raise-error"
    assert parse(["--out=x=y"], LONG).long == {"out": "x=y"}
    for words in (["--out"], ["--bg=1"], ["--err", "x"]):
        with pytest.raises(Usage):
            parse(words, LONG)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("-p 22 host uname  -a", "uname  -a"),
        ("""host echo "a  b" 'c'""", """echo "a  b" 'c'"""),
        ("host 'uname -a | wc'", "uname -a | wc"),
        ('host "a b" c', '"a b" c'),
        ("host echo it's", "echo it's"),
        ("host # not a comment", "# not a comment"),
        (r"host awk '{print $1}' C:\x", r"awk '{print $1}' C:\x"),
        ("  host  ", None),
        ("-- host -v  x ", "-v  x"),
    ],
)
def test_a_line_keeps_the_command_as_typed(line: str, command: str | None) -> None:
    parsed = parse_line(line, LONG)
    assert (parsed.destination, parsed.command) == ("host", command)


def test_a_line_takes_quotes_in_options() -> None:
    parsed = parse_line("-i 'my key' -i C:\\keys\\id --out x host ls", LONG)
    assert parsed.ordered == [("IdentityFile", "my key"), ("IdentityFile", "C:\\keys\\id")]


def test_usage_names_the_supported_letters() -> None:
    text = usage()
    assert "-p port" in text
    assert "-L" not in text


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (r"""box 'grep "\\." f'""", r"""grep "\\." f"""),
        (r"""box 'a\b'""", r"a\b"),
        (r'''box "say \"hi\""''', 'say "hi"'),
        (r"""box 'one' 'two'""", "'one' 'two'"),
    ],
)
def test_a_command_between_quotes_is_what_a_shell_would_make_of_it(line: str, command: str) -> None:
    assert parse_line(line).command == command
