"""Lines of ssh_config: keyword, arguments, quotes, comments."""

import pytest

from jupyter_ssh.ssh.config.words import split_arguments, split_keyword


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Port 22", ("Port", "22")),
        ("  Port\t=\t22  \r\n", ("Port", "22")),
        ("Port=22", ("Port", "22")),
        ('"Port" 22', ("Port", "22")),
        ("Port", ("Port", "")),
        ("Port==22", ("Port", "=22")),
        ("# Port 22", None),
        ("   ", None),
        ("\r", None),
        ("", None),
    ],
)
def test_keyword_and_the_rest(line: str, expected: tuple[str, str] | None) -> None:
    assert split_keyword(line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        ("'a b'c", ["a bc"]),
        ('a"b c"d', ["ab cd"]),
        ("a # b", ["a"]),
        ("a#b", ["a#b"]),
        ('"# a"', ["# a"]),
        (r"a\ b", ["a b"]),
        (r'"a\"b"', ['a"b']),
        (r"C:\Users\x", [r"C:\Users\x"]),
        ('""', [""]),
        ("", []),
    ],
)
def test_arguments(text: str, expected: list[str]) -> None:
    assert split_arguments(text) == expected


@pytest.mark.parametrize("text", ['"a', "'a b", 'a "b c'])
def test_an_open_quote_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="invalid quotes"):
        split_arguments(text)
