"""What a line of %ssh asks for."""

from __future__ import annotations

import pytest

from jupyter_ssh.magics.options import read_line
from jupyter_ssh.ssh.config.arguments import Usage
from jupyter_ssh.ssh.errors import ConfigError


def test_a_line_without_options():
    request = read_line("alice@box uname -a | wc")
    assert request.destination == "alice@box"
    assert request.arguments.command == "uname -a | wc"
    assert (request.out, request.err, request.proc, request.show) == (None, None, None, None)
    assert not request.background
    assert request.raise_error


def test_long_options_on_either_side_of_the_host():
    request = read_line("--out o -p 22 box --err=e --bg --proc job --no-raise-error -- cat --bg")
    assert (request.out, request.err, request.proc) == ("o", "e", "job")
    assert request.background
    assert not request.raise_error
    assert request.arguments.command == "cat --bg"
    assert ("Port", "22") in request.arguments.command_line


@pytest.mark.parametrize("line", ["", ".", ". uname", "--out x"])
def test_no_host_or_a_dot_is_the_current_connection(line):
    assert read_line(line).destination is None


@pytest.mark.parametrize(("text", "size"), [("0", 0), ("500", 500), ("4K", 4096), ("2MiB", 2 << 20), ("1g", 1 << 30)])
def test_sizes(text, size):
    assert read_line(f"--show {text} box").show == size


@pytest.mark.parametrize(
    "line",
    ["--out 1x box", "--out a.b box", "--proc p box", "--show x box", "-Q cipher", "-G box", "-E log box", "--x"],
)
def test_what_cannot_be(line):
    with pytest.raises(Usage):
        read_line(line)


def test_a_bad_destination_is_told_at_once():
    with pytest.raises(ConfigError):
        read_line("box:22 true")
