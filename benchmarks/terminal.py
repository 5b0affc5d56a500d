"""Is our terminal tab as good as JupyterLab's own terminal with ``ssh`` in it?

Both in one JupyterLab in one Chromium, logged in to the same sshd on the loopback interface:

 - from a key to its echo parsed: idle, and while a cell sleeps, computes and prints (ours: in the kernel that holds the
   connection; Lab's terminal knows no kernel);
 - 100 MB of coloured lines: their rate, and the longest time for which the page did nothing else;
 - Ctrl-C three and ten seconds into a flood: until the prompt is drawn;
 - from a reload of the page until the same screen is there;
 - memory of the page, and of the process that keeps the terminal, for each one that has had 11,000 lines (ours keeps
   10,000 of them, Lab's 1,000: with more, twenty of them take more than a quarter of an hour to open);
 - twenty terminals at once: a key in one while all the others print.

In both xterm draws with elements of the page (the DOM renderer): without a graphics card that is the fastest one.
--webgl leaves Lab's terminal the one that Lab takes, WebGL.

What is not there in time is given up, and stands in the tables with a ">".
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from _peers import Peer, sshd
from _support import arguments, median, print_load, print_setting, print_table, ratio, verdict
from _terminals import (
    LABS_NOTEBOOK,
    NO_WEBGL,
    OURS_NOTEBOOK,
    PROMPT,
    Screen,
    browser,
    interrupt_kernel,
    lab,
    open_page,
    ours,
    own_of_lab,
    run_cell,
)

OURS, LAB = "jupyter_ssh", "Lab's terminal with ssh"
SLEEPS, COMPUTES, PRINTS = 1, 2, 3
"""The notebook's cells."""
STATES = {"idle": None, "a cell sleeps": SLEEPS, "a cell computes": COMPUTES, "a cell prints": PRINTS}
ECHO_TARGET, BUSY_TARGET, RATE_TARGET, STALL_TARGET = 1.3, 15.0, 2.0, 120.0
INTERRUPT_TARGET, RELOAD_TARGET = 1000.0, 2000.0
COLOURED = "\\x1b[3%dm%07d \\x1b[1mthe quick brown fox\\x1b[0m jumps over the \\x1b[4%dmlazy dog\\x1b[0m\\n"
PRINTING = "while :; do printf '%(%c)T\\n'; read -rt 0.05 -u 9; done 9<> <(:)"
"""Twenty lines a second, by the shell itself: where nineteen begin two processes a line, only those are measured."""
FLOOD_MB, MANY = 100, 20
LATE, QUICK_LATE = 120_000, 20_000
"""Milliseconds after which a flood, or what is left of it, is given up."""
ECHO_LATE = 10_000
_begun = time.monotonic()


def progress(what: str) -> None:
    """Say how far it is."""
    print(f"{time.monotonic() - _begun:4.0f} s: {what}", file=sys.stderr, flush=True)


def figure(milliseconds: float | None, late: int) -> str:
    """Milliseconds, also where they are not known."""
    return f"> {late}" if milliseconds is None else f"{milliseconds:.0f}"


def coloured_lines(peer: Peer, megabytes: int) -> str:
    """The path of a file of so many coloured lines, on the peer."""
    path = Path(peer.folder, f"flood-{megabytes}")
    if not path.exists():
        line = COLOURED.encode().decode("unicode_escape")
        with path.open("w") as file:
            size = number = 0
            while size < megabytes * 1_000_000:
                size += file.write(line % (number % 8, number, number % 7))
                number += 1
    return str(path)


def echo(screen: Screen, times: int) -> tuple[float, float]:
    """Milliseconds from a key to its echo: median, and the 95th of a hundred."""
    screen.call("type('cat > /dev/null\\r')")
    screen.page.wait_for_timeout(300)
    took = sorted(screen.call(f"echo({times}, {ECHO_LATE})"))
    screen.call("type('\\x03')")
    screen.prompt()
    return median(took), took[int(len(took) * 0.95)]


def print_echo(screens: dict[str, Screen], times: int) -> None:
    """The table of keys."""
    rows: list[list[object]] = []
    for state, cell in STATES.items():
        took = {}
        for name, screen in screens.items():
            progress(f"keys while {state}: {name}")
            if cell is not None:
                run_cell(screen.page, cell)
            took[name] = echo(screen, times)
            if cell is not None:
                interrupt_kernel(screen.page)
        for name, (middle, late) in took.items():
            against, target = "", ""
            if name == OURS:
                against = ratio(middle, took[LAB][0])
                if cell in (None, SLEEPS):
                    target = verdict(middle / took[LAB][0], ECHO_TARGET)
                elif cell == COMPUTES:
                    target = verdict(middle, BUSY_TARGET, "ms")
            rows.append([f"{state}, {name}", f"{middle:.1f}", f"{late:.1f}", against, target])
    print_table("from a key to its echo", ["", "ms, median", "p95", "to Lab's", "target"], rows)


def print_flood(screens: dict[str, Screen], peer: Peer, megabytes: int, late: int) -> None:
    """The table of floods."""
    path = coloured_lines(peer, megabytes)
    rates, stalls, bounds = {}, {}, {}
    for name, screen in screens.items():
        progress(f"{megabytes} MB: {name}")
        result = screen.call(f"flood('clear; cat {path}; echo D\"\"ONE', 'DONE', {late})")
        bounds[name] = "< " if result["ms"] is None else ""
        rates[name], stalls[name] = megabytes / (result["ms"] or late) * 1000, result["stall"]
        if result["ms"] is None:
            screen.replace()
        else:
            screen.prompt()
    rows: list[list[object]] = [
        [
            name,
            f"{bounds[name]}{rates[name]:.1f}",
            f"{stalls[name]:.0f}",
            "" if name == LAB else ratio(rates[name], rates[LAB]),
        ]
        for name in screens
    ]
    rows[0].append(
        f"{verdict(rates[OURS] / rates[LAB], RATE_TARGET, at_least=True)}; {verdict(stalls[OURS], STALL_TARGET, 'ms')}"
    )
    rows[1].append("")
    print_table(f"{megabytes} MB of coloured lines", ["", "MB/s", "longest stall, ms", "rate to Lab's", "target"], rows)


def print_interrupt(screens: dict[str, Screen], peer: Peer, late: int) -> None:
    """The table of Ctrl-C."""
    # One process: a shell's loop goes on where the interrupt comes as a command of it ends.
    command = f"cat $(yes {coloured_lines(peer, 1)} | head -n 5000)"
    rows: list[list[object]] = []
    for seconds in (3, 10):
        for name, screen in screens.items():
            progress(f"Ctrl-C after {seconds} s: {name}")
            screen.line("clear")
            took = screen.call(f"interrupt('{command}', {seconds * 1000}, '{PROMPT}', {late})")
            if took is None:  # Lab's server holds all that came in these seconds, and the page draws all of it
                screen.replace()
            target = verdict(late if took is None else took, INTERRUPT_TARGET, "ms") if name == OURS else ""
            rows.append([f"after {seconds} s, {name}", figure(took, late), target])
    print_table("Ctrl-C in a flood, until the prompt is drawn", ["", "ms", "target"], rows)


def reloaded(screen: Screen) -> float:
    """Milliseconds from the reload until the same text is on the screen."""
    screen.line("clear; seq 1 200 | tail -n 15")
    before = screen.call("lines()")
    began = screen.page.evaluate("() => Date.now()")
    screen.page.reload()
    screen.page.wait_for_function("() => window.jupyterapp")
    screen.probe()
    screen.page.wait_for_function(
        "before => window.bench.ready() && before.every(line => !line || window.bench.lines().includes(line))",
        arg=before,
    )
    took: float = screen.page.evaluate("() => Date.now()") - began
    return took


def resident(what: Callable[[psutil.Process], bool]) -> int:
    """Bytes of memory of the processes of which ``what`` is true."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if what(process):
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def is_kernel(process: psutil.Process) -> bool:
    """Whether it is a notebook's kernel: in one of them our terminals live."""
    return any("ipykernel" in word for word in process.cmdline())


def is_server(process: psutil.Process) -> bool:
    """Whether it is JupyterLab, which holds its own terminals, or one of their ``ssh``."""
    words = process.cmdline()
    return "jupyterlab" in words or (bool(words) and Path(words[0]).name == "ssh")


def used(screen: Screen, keeper: Callable[[psutil.Process], bool]) -> tuple[float, float]:
    """MB of the page's heap and of the processes that keep the terminals."""
    screen.page.evaluate("() => window.gc?.()")
    return screen.call("heap()") / 1e6, resident(keeper) / 1e6


def print_many(screens: dict[str, Screen], times: int, many: int) -> None:
    """Memory for each terminal, and keys in one of many."""
    keepers = {OURS: is_kernel, LAB: is_server}
    rows: list[list[object]] = []
    for name, screen in screens.items():
        progress(f"{many} terminals: {name}")
        before = used(screen, keepers[name])
        for _ in range(many - 1):
            screen.open_another()
            screen.line("seq -f '%g some text that fills a line of the terminal about half' 1 11000")
            screen.call(f"type({json.dumps(PRINTING + chr(13))})")
        screen.open_another()
        after = used(screen, keepers[name])
        middle, late = echo(screen, times)
        page, keeper = ((after[part] - before[part]) / many for part in (0, 1))
        rows.append([name, f"{page:.1f}", f"{keeper:.1f}", f"{middle:.1f}", f"{late:.1f}"])
        screen.page.context.close()  # else it would go on drawing while the other is measured
    print_table(
        f"{many} terminals, of which {many - 1} print",
        ["", "page, MB each", "keeper, MB each", "echo, ms, median", "p95"],
        rows,
    )


def main() -> None:
    """Measure."""
    webgl = "--webgl" in sys.argv
    if webgl:
        sys.argv.remove("--webgl")
    given = arguments(__doc__, 1, 1)
    times, megabytes, many, late = (20, 10, 3, QUICK_LATE) if given.quick else (200, FLOOD_MB, MANY, LATE)
    print_setting("jupyterlab", "jupyter_server", "ipykernel")
    print(f"Lab's xterm draws with {'WebGL' if webgl else 'elements of the page'}, ours with elements of the page.")
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        sshd() as peer,
        browser(() if webgl else NO_WEBGL) as chromium,
    ):
        with lab(Path(folder, "lab"), peer) as running:
            progress("opening the terminals")
            screens = {
                OURS: ours(open_page(chromium, running, OURS_NOTEBOOK), running),
                LAB: own_of_lab(open_page(chromium, running, LABS_NOTEBOOK), running, peer, not webgl),
            }
            print_echo(screens, times)
            print_flood(screens, peer, megabytes, late)
            print_interrupt(screens, peer, late)
            progress("reloads")
            rows = []
            for name, screen in screens.items():
                took = reloaded(screen)
                rows.append([name, f"{took:.0f}", verdict(took, RELOAD_TARGET, "ms") if name == OURS else ""])
            print_table("a reload, until the same screen is there", ["", "ms", "target"], rows)
            for screen in screens.values():
                screen.prompt()
            print_many(screens, times, many)
    print_load()


if __name__ == "__main__":
    main()
