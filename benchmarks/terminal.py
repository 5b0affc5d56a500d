"""Is our terminal tab as good as JupyterLab's own terminal with ``ssh`` in it?

Both in one JupyterLab in one Chromium, logged in to the same sshd on the loopback interface:

 - from a key to its echo parsed: idle, and while a cell sleeps, computes and prints (ours: in the kernel that holds the
   connection; Lab's terminal knows no kernel);
 - 100 MB of coloured lines: their rate, and the longest time for which the page did nothing else;
 - Ctrl-C three and ten seconds into a flood: until the prompt is drawn;
 - from a reload of the page until the same screen is there;
 - memory of the page, and of the process that keeps the terminal, for each one with 10,000 lines of scroll-back;
 - twenty terminals at once: a key in one while all the others print.

xterm draws with elements of the page (the DOM renderer): without a graphics card that is the faster one.  --webgl
measures the other.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from _peers import Peer, sshd
from _support import arguments, median, print_load, print_setting, print_table, ratio, verdict
from _terminals import DOM, PROMPT, Screen, browser, interrupt_kernel, lab, open_page, ours, own_of_lab, run_cell

OURS, LAB = "jupyter_ssh", "Lab's terminal with ssh"
SLEEPS, COMPUTES, PRINTS = 1, 2, 3
"""The notebook's cells."""
STATES = {"idle": None, "a cell sleeps": SLEEPS, "a cell computes": COMPUTES, "a cell prints": PRINTS}
ECHO_TARGET, BUSY_TARGET, RATE_TARGET, STALL_TARGET, INTERRUPT_TARGET = 1.3, 15.0, 2.0, 120.0, 1000.0
COLOURED = "\\x1b[3%dm%07d \\x1b[1mthe quick brown fox\\x1b[0m jumps over the \\x1b[4%dmlazy dog\\x1b[0m\\n"
FLOOD_MB, MANY = 100, 20
LATE = 180_000
"""Milliseconds after which something is given up."""


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
    took = sorted(screen.call(f"echo({times}, {LATE})"))
    screen.call("type('\\x03')")
    screen.prompt()
    return median(took), took[int(len(took) * 0.95)]


def print_echo(screens: dict[str, Screen], times: int) -> None:
    """The table of keys."""
    rows: list[list[object]] = []
    for state, cell in STATES.items():
        took = {}
        for name, screen in screens.items():
            if cell is not None:
                run_cell(screen.page, cell)
            took[name] = echo(screen, times)
            if cell is not None:
                interrupt_kernel(screen.page)
        for name, (middle, late) in took.items():
            against, target = "", ""
            if name == OURS:
                against = ratio(middle, took[LAB][0])
                relative = cell in (None, SLEEPS)
                target = verdict(middle / took[LAB][0], ECHO_TARGET) if relative else verdict(middle, BUSY_TARGET, "ms")
            rows.append([f"{state}, {name}", f"{middle:.1f}", f"{late:.1f}", against, target])
    print_table("from a key to its echo", ["", "ms, median", "p95", "to Lab's", "target"], rows)


def print_flood(screens: dict[str, Screen], peer: Peer, megabytes: int) -> None:
    """The table of floods."""
    path = coloured_lines(peer, megabytes)
    rates, stalls = {}, {}
    for name, screen in screens.items():
        result = screen.call(f"flood('clear; cat {path}; echo D\"\"ONE', 'DONE', {LATE})")
        screen.prompt()
        rates[name], stalls[name] = megabytes / result["ms"] * 1000, result["stall"]
    rows: list[list[object]] = [
        [name, f"{rates[name]:.1f}", f"{stalls[name]:.0f}", "" if name == LAB else ratio(rates[name], rates[LAB])]
        for name in screens
    ]
    rows[0].append(
        f"{verdict(rates[OURS] / rates[LAB], RATE_TARGET, at_least=True)}; {verdict(stalls[OURS], STALL_TARGET, 'ms')}"
    )
    rows[1].append("")
    print_table(f"{megabytes} MB of coloured lines", ["", "MB/s", "longest stall, ms", "rate to Lab's", "target"], rows)


def print_interrupt(screens: dict[str, Screen], peer: Peer) -> None:
    """The table of Ctrl-C."""
    path = coloured_lines(peer, 1)
    rows: list[list[object]] = []
    for seconds in (3, 10):
        for name, screen in screens.items():
            screen.line("clear")
            command = f"while :; do cat {path}; done"
            took = screen.call(f"interrupt('{command}', {seconds * 1000}, '{PROMPT}', {LATE})")
            target = verdict(took, INTERRUPT_TARGET, "ms") if name == OURS else ""
            rows.append([f"after {seconds} s, {name}", f"{took:.0f}", target])
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
    """Whether it is the notebook's kernel, in which our terminals live."""
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
        before = used(screen, keepers[name])
        for _ in range(many - 1):
            screen.open_another()
            screen.line("seq -f '%g some text that fills a line of the terminal about half' 1 11000")
            screen.call("type('while :; do date; sleep 0.05; done\\r')")
        screen.open_another()
        after = used(screen, keepers[name])
        middle, late = echo(screen, times)
        page, keeper = ((after[part] - before[part]) / many for part in (0, 1))
        rows.append([name, f"{page:.1f}", f"{keeper:.1f}", f"{middle:.1f}", f"{late:.1f}"])
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
    times, megabytes, many = (20, 10, 3) if given.quick else (200, FLOOD_MB, MANY)
    print_setting("jupyterlab", "jupyter_server", "ipykernel")
    print(f"xterm draws with {'WebGL' if webgl else 'elements of the page'}.")
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        sshd() as peer,
        browser(() if webgl else DOM) as chromium,
    ):
        with lab(Path(folder, "lab"), peer) as running:
            screens = {
                OURS: ours(open_page(chromium, running), running),
                LAB: own_of_lab(open_page(chromium, running), running, peer),
            }
            print_echo(screens, times)
            print_flood(screens, peer, megabytes)
            print_interrupt(screens, peer)
            rows = [[name, f"{reloaded(screen):.0f}"] for name, screen in screens.items()]
            print_table("a reload, until the same screen is there", ["", "ms"], rows)
            for screen in screens.values():
                screen.prompt()
            print_many(screens, times, many)
    print_load()


if __name__ == "__main__":
    main()
