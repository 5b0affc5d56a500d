"""Jump hosts that lead in a circle: nothing is dialled, and the error names what makes the circle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_ssh.ssh import ConfigError, connect
from tests.support.peers import require_tool
from tests.support.tree import TREE

EACH_OTHER = "Host b\n ProxyJump gw\nHost gw\n ProxyJump b\n"
PATTERN = "Host *.lan gw\n ProxyJump gw\n"
BY_HOST_NAME = "Host gateway\n HostName gw\n ProxyJump gw\n"
THREE = "Host inner\n ProxyJump b\nHost b\n ProxyJump c\nHost c\n ProxyJump b\n"
LIST = "Host inner\n ProxyJump b,b\n"


async def refused(tmp_path: Path, text: str, host: str, **options: object) -> ConfigError:
    config = tmp_path / "config"
    config.write_text(text)
    config.chmod(0o600)
    with pytest.raises(ConfigError, match="jumphost loop via") as caught:
        await connect(f"alice@{host}", config=config, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("text", "host", "jump", "makes", "remedies"),
    [
        (
            EACH_OTHER,
            "b",
            "",
            ["line 4 sends gw through b", "line 2 sends b through gw"],
            ["Remove one of these lines"],
        ),
        # What the command line gives is the way to the first host only; the circle comes after it.
        (EACH_OTHER, "gw", "b", ["line 2 sends b through gw", "line 4 sends gw through b"], ["`Host gw` block"]),
        (EACH_OTHER, "x", "gw", ["line 4 sends gw through b", "line 2 sends b through gw"], ["Remove one"]),
        (THREE, "inner", "", ["line 4 sends b through c", "line 6 sends c through b"], ["Remove one"]),
        (PATTERN, "x.lan", "", ["line 2 sends gw through gw"], ["(`!gw`)", "`ProxyJump none` in a `Host gw` block"]),
        (PATTERN, "x", "gw", ["line 2 sends gw through gw"], ["(`!gw`)"]),
        (BY_HOST_NAME, "gateway", "", ["line 3 sends gateway through gw"], ["(`!gateway`)", "`Host gateway` block"]),
        (LIST, "inner", "", ["a list of jump hosts in ", "config line 2 sends b through b"], ["Name b only once"]),
        ("", "gw", "alice@gw", ["the command line (-J or -o ProxyJump) sends gw"], ["Name alice@gw only once"]),
        ("", "x", "alice@gw,alice@gw", ["list of jump hosts in the command line"], ["Name alice@gw only once"]),
    ],
)
async def test_what_makes_a_loop(
    text: str, host: str, jump: str, makes: list[str], remedies: list[str], tmp_path: Path
) -> None:
    line = [("ProxyJump", jump)] if jump else []
    error = await refused(tmp_path, text + "Host *\n User alice\n", host, command_line=line)
    step = error.next_step or ""
    assert all(words in step for words in [*makes, *remedies]), step
    if not text:
        assert "Host" not in step, step


async def test_a_loop_that_an_argument_makes(tmp_path: Path) -> None:
    for options in ({"proxy_jump": "alice@gw"}, {"tunnel": "alice@gw"}):
        step = (await refused(tmp_path, "", "gw", **options)).next_step or ""
        assert "the argument proxy_jump sends gw through alice@gw. Name alice@gw only once." in step
        assert "Host" not in step


async def test_a_way_without_an_end(tmp_path: Path) -> None:
    """Each host has another one before it: no loop, and still none that ends."""
    text = "".join(f"Host h{number}\n ProxyJump h{number + 1}\n" for number in range(40))
    config = tmp_path / "config"
    config.write_text(text)
    with pytest.raises(ConfigError, match="more than 16 jump hosts lead to alice@h0") as caught:
        await connect("alice@h0", config=config)
    assert f"ProxyJump for h17, in {config} line 36" in (caught.value.next_step or "")


@pytest.mark.parametrize(
    ("text", "words", "loop"),
    [
        (EACH_OTHER, ["b"], ""),
        (PATTERN, ["x.lan"], ""),
        (PATTERN, ["gw"], "gw"),
        (BY_HOST_NAME, ["gateway"], "gw"),
        ("", ["-J", "gw", "gw"], "gw"),
        ("", ["-J", "gw,b", "b"], "b"),
        ("", ["-J", "b,gw", "b"], ""),
        ("", ["-J", "gw:2222", "gw"], ""),
    ],
)
def test_the_options_of_a_loop_are_not_printed(text: str, words: list[str], loop: str, tmp_path: Path) -> None:
    """``-G``, as OpenSSH's ``ssh``: a host that is its own jump host; what jump hosts have is not looked up for it."""
    config = tmp_path / "config"
    config.write_text(text)
    config.chmod(0o600)
    ours = [sys.executable, "-m", "jupyter_ssh.commands", "ssh"]
    for program in ([require_tool("ssh", "openssh-client")], ours):
        done = subprocess.run(
            [*program, "-F", str(config), "-G", *words],
            capture_output=True,
            text=True,
            cwd=TREE,
            timeout=60,
            check=False,
        )
        if loop:
            assert (done.returncode, done.stdout) == (255, ""), program
            assert f"jumphost loop via {loop}" in done.stderr, program
        else:
            assert done.returncode == 0, done.stderr
            assert "proxyjump" in done.stdout, program
