"""Pages that look at a session: flow, coming back, several at once, and floods."""

from __future__ import annotations

import asyncio
import random

import pytest

from jupyter_ssh.kernel.terminals import viewer as viewer_module
from jupyter_ssh.kernel.terminals.limits import RING, SIZES, SKIP_TAIL, VIEWERS, WINDOW, WINDOW_MOST
from jupyter_ssh.kernel.terminals.session import TerminalSession
from jupyter_ssh.pages.limits import DATA_BYTES, STREAMS
from tests.notebook.remotes import Remote
from tests.support.pages import Page, Terminals, opened

RAW_CAT = "stty raw -echo; printf ready; exec cat"
LINES = "seq -f '%.0f: a line of output that is as long as lines are' 1 {}"


async def opened_cat(service: Terminals, server: Remote) -> TerminalSession:
    """A session that has written "ready", and from then on writes what it reads, byte for byte."""
    session = await opened(service, server, RAW_CAT)
    while session.display.ring.end < len(b"ready"):
        await asyncio.sleep(0)
    return session


def held(session: TerminalSession) -> bool:
    """Whether a page holds the remote back."""
    return session.display._held()  # pages are not told, they only see no more output


class Wire:
    """A page behind a network: what is under way in either direction can be lost by a cut."""

    def __init__(self, service: Terminals, session: TerminalSession, chance: random.Random) -> None:
        self.service, self.session, self.chance = service, session, chance
        self.output = bytearray()
        self.typed = b""
        self.handed = 0
        self.connect()

    def connect(self) -> None:
        """A new connection of the same page: it has the output up to some offset, and input not yet acknowledged."""
        self.page = Page(self.service)
        self.page.eager = False
        self.page.typed[1] = self.handed
        have = len(self.output) if self.output else None
        attached = self.page.attach(self.session, viewer="one", have=have, typed=self.handed)
        assert attached["from"] == len(self.output)
        assert self.handed <= attached["input"] <= len(self.typed)
        # The page sends again what was not acknowledged, or only what the kernel says that it has not.
        first = self.chance.choice((self.handed, attached["input"]))
        self.page.typed[1] = first
        for start in range(first, len(self.typed), DATA_BYTES):
            self.page.type(self.typed[start : start + DATA_BYTES])

    def take(self) -> None:
        """Draw some of what came, and acknowledge it."""
        came = self.page.end() - len(self.output)
        count = self.chance.randint(0, came)
        start = len(self.output) - self.page.first[1]
        self.output += self.page.output[1][start : start + count]
        if count:
            self.page.send("terminals.ack", stream=1, offset=len(self.output))
        for frame in self.page.of("terminals.input"):
            self.handed = max(self.handed, frame["offset"])

    def type(self, data: bytes) -> None:
        self.typed += data
        self.page.type(data)

    def type_into_the_void(self, data: bytes) -> None:
        """What the person types is on its way as the connection is cut."""
        self.typed += data

    def cut(self) -> None:
        self.page.vanish()


@pytest.mark.parametrize("seed", range(4))
async def test_no_byte_is_lost_or_doubled_however_often_the_connection_is_cut(
    service: Terminals, server: Remote, seed: int
) -> None:
    chance = random.Random(seed)
    session = await opened_cat(service, server)
    wire = Wire(service, session, chance)
    for _ in range(150):
        action = chance.random()
        if action < 0.5:
            wire.type(chance.randbytes(chance.choice((1, 3, 200, 5000))))
        elif action < 0.85:
            wire.take()
        else:
            if chance.random() < 0.5:
                wire.type_into_the_void(chance.randbytes(7))
            wire.cut()
            wire.connect()
        await asyncio.sleep(0)
    expected = b"ready" + wire.typed

    def all_there() -> bool:
        wire.take()
        return len(wire.output) >= len(expected)

    await wire.page.until(all_there)
    assert wire.output == expected


async def test_a_session_nobody_looks_at_runs_on_in_bounded_memory(service: Terminals, server: Remote) -> None:
    session = await opened(service, server, LINES.format(400_000))
    page = Page(service)
    await page.state(session, "ended")
    display = session.display
    assert display.ring.end > 4 * RING
    assert display.ring.allocated == RING
    attached = page.attach(session)
    assert attached["cut"]
    assert attached["live"] == display.ring.end
    await page.until(lambda: page.end() == display.ring.end)
    lines = bytes(page.output[1]).split(b"\r\n")
    first = int(lines[0].split(b":")[0])
    assert lines[:-1] == [b"%d: a line of output that is as long as lines are" % n for n in range(first, 400_001)]


async def test_a_page_that_looks_and_is_slow_holds_the_remote_back(service: Terminals, server: Remote) -> None:
    session = await opened(service, server, "sleep 0.3; " + LINES.format(200_000))
    page = Page(service)
    page.eager = False
    page.attach(session)
    display = session.display
    await page.until(lambda: len(page.output[1]) == WINDOW)
    await page.until(lambda: held(session))
    held_at = display.ring.end
    assert page.end() == WINDOW, "no more than the window is sent"
    assert display.ring.start == 0, "nothing that the page needs is dropped"
    for _ in range(50):
        await asyncio.sleep(0)
    assert display.ring.end == held_at
    # The remote process is the session's own, and the window its channel's.
    process = session._process
    assert process is not None
    await page.until(lambda: process._session.channel.window.available == 0)  # see above
    assert process.stdout.unread < RING, "the kernel does not keep for the page what the remote keeps"
    page.eager = True
    page.acknowledge()
    await page.state(session, "ended")
    await page.until(lambda: page.end() == display.ring.end)
    expected = b"".join(b"%d: a line of output that is as long as lines are\r\n" % n for n in range(1, 200_001))
    assert page.output[1] == expected


@pytest.mark.parametrize("how", ["hidden", "dead", "vanished"])
async def test_no_other_page_holds_the_remote_back(
    service: Terminals, server: Remote, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "dead":
        monkeypatch.setattr(viewer_module, "STALL_SECONDS", 0.01)
    session = await opened(service, server, "sleep 0.3; " + LINES.format(200_000))
    page = Page(service)
    page.eager = False
    page.attach(session, visible=how != "hidden")
    display = session.display
    if how == "vanished":
        await page.until(lambda: held(session))
        page.vanish()
    await page.until(lambda: display.ring.end > 2 * RING)
    watcher = Page(service)
    await watcher.state(session, "ended")


async def test_a_page_that_was_hidden_while_the_ring_ran_over_is_attached_anew(
    service: Terminals, server: Remote
) -> None:
    session = await opened(service, server, "sleep 0.3; " + LINES.format(200_000))
    page = Page(service)
    page.eager = False
    page.attach(session, visible=False)
    await page.state(session, "ended")
    assert len(page.of("terminals.attached")) == 1
    sent = page.end()
    page.send("terminals.size", stream=1, rows=24, cols=80, visible=True)
    again = page.of("terminals.attached")[-1]
    assert len(page.of("terminals.attached")) == 2
    assert again["cut"]
    assert again["from"] > sent
    page.eager = True
    page.acknowledge()
    await page.until(lambda: page.end() == session.display.ring.end)
    assert page.output[1].endswith(b"200000: a line of output that is as long as lines are\r\n")


async def test_the_window_grows_for_a_page_that_keeps_up(
    service: Terminals, server: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer_module, "QUICK_SECONDS", 60.0)  # however busy this machine is
    session = await opened(service, server, "sleep 0.3; " + LINES.format(400_000))
    page = Page(service)
    page.attach(session)
    [viewer] = session.display.viewers
    assert viewer.window == WINDOW
    await page.until(lambda: viewer.window == WINDOW_MOST)
    await page.state(session, "ended")


async def test_a_connection_that_is_full_is_sent_nothing_until_it_drains(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    page = Page(service)
    page.attach(session)
    page.accepts = False
    page.type("abc")
    await page.until(lambda: session.display.ring.end == 8)
    assert page.output[1] == b"ready"
    page.accepts = True
    page.connection.writable_again()
    assert page.output[1] == b"readyabc"


async def test_two_pages_see_the_same_and_one_of_them_answers(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    one, two = Page(service), Page(service)
    assert one.attach(session)["lead"]
    assert not two.attach(session)["lead"]
    one.type("from one, ")
    await one.shown(b"from one, ")
    two.type("from two")
    await one.shown(b"from two")
    await two.shown(b"readyfrom one, from two")
    assert one.output == two.output
    assert [frame["lead"] for frame in one.of("terminals.lead")] == [False]
    assert [frame["lead"] for frame in two.of("terminals.lead")] == [True]
    two.vanish()
    assert [frame["lead"] for frame in one.of("terminals.lead")] == [False, True]
    two = Page(service)
    two.attach(session, visible=False)
    two.send("terminals.size", stream=1, rows=24, cols=80, visible=True)
    assert session.display.lead is not None
    assert session.display.lead.page is two.connection
    one.send("terminals.size", stream=1, rows=24, cols=80, visible=True, focus=True)
    assert session.display.lead.page is one.connection


async def test_the_session_is_as_large_as_the_smallest_visible_page(service: Terminals, server: Remote) -> None:
    session = await opened(service, server)
    one, two = Page(service), Page(service)
    one.attach(session, rows=40, cols=120)
    two.attach(session, rows=50, cols=90)
    assert one.of("terminals.resized")[-1] == {
        "type": "terminals.resized",
        "session": session.id,
        "offset": session.display.ring.end,
        "rows": 40,
        "cols": 90,
    }
    one.type("stty size\r")
    await one.shown(b"40 90\r\n")
    two.send("terminals.size", stream=1, rows=50, cols=90, visible=False)
    one.type("stty size\r")
    await one.shown(b"40 120\r\n")
    one.send("terminals.size", stream=1, rows=30, cols=120, visible=False)
    one.type("stty size\r")
    await one.shown(b"30 90\r\n")
    two.vanish()
    one.type("stty size\r")
    await one.shown(b"30 120\r\n")
    assert one.attach(session, viewer="again")["sizes"][0][0] == 0
    assert len(session.display.sizes.since(0)) <= SIZES


async def test_a_newcomer_gets_the_newest_snapshot_and_the_bytes_since(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    one = Page(service)
    one.attach(session)
    one.type("first ")
    await one.shown(b"readyfirst ")
    for offset, text in ((5, "old"), (11, "screen"), (7, "older than the newest")):
        one.send("terminals.snapshot", stream=1, offset=offset, rows=24, cols=80, text=text)
    one.send("terminals.snapshot", stream=1, offset=12, rows=24, cols=80, text="of what has not come")
    assert one.of("error", code="bad-offset")
    one.type("second")
    await one.shown(b"second")
    attached = Page(service).attach(session)
    assert attached["snapshot"] == {"offset": 11, "rows": 24, "cols": 80, "text": "screen"}
    assert (attached["from"], attached["live"], attached["cut"]) == (11, 17, False)
    knows = Page(service)
    attached = knows.attach(session, have=8)
    assert (attached["snapshot"], attached["from"]) == (None, 8)
    assert knows.output[1] == b"st second"
    # What a page claims to have of a session's future is not believed.
    assert Page(service).attach(session, have=1000)["snapshot"]["text"] == "screen"


async def test_where_no_snapshot_reaches_the_ring_full_screen_programs_are_nudged(
    service: Terminals, server: Remote
) -> None:
    # The trap only notes the signal: bash forgets one that comes while a trap runs.
    drawing = 'while :; do if [ "$changed" ]; then changed=; echo; echo DRAWN $(stty size); fi; sleep 0.05; done'
    script = f"trap changed=1 WINCH; {LINES.format(100_000)}; {drawing}"
    session = await opened(service, server, script)
    one = Page(service)
    one.send("terminals.hosts", request=1)
    await one.until(lambda: session.display.ring.start and not held(session))
    await one.until(lambda: session.display.ring.read(session.display.ring.end - 12, 12).endswith(b"are\r\n"))
    assert one.attach(session)["cut"]
    await one.shown(b"DRAWN 24 80")
    assert not one.of("terminals.resized")


async def test_interrupting_a_flood_skips_to_the_prompt(service: Terminals, server: Remote) -> None:
    session = await opened(service, server)
    page = Page(service)
    page.eager = False
    page.attach(session)
    page.type("PS1='the prompt> '; yes 'a flood of lines'\r")
    await page.until(lambda: held(session))
    page.type("\x03")
    held_at = session.display.ring.end
    page.skip(drawn=1000)
    skipped = await page.came("terminals.skipped")
    page.eager = True
    page.acknowledge()
    assert skipped["from"] == 1000
    assert skipped["to"] >= held_at - SKIP_TAIL
    await page.shown(b"the prompt> ")
    assert page.output[1].startswith((b"a flood", b"^C", b"\r\n^C", b"the prompt", b"\x1b"))
    page.type("echo alive\r")
    await page.shown(b"alive\r\n")


async def test_skipping_where_nothing_waits(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    page = Page(service)
    page.attach(session)
    await page.shown(b"ready")
    page.skip(drawn=5)
    page.skip(drawn=5)
    skipped = await page.came("terminals.skipped")
    assert skipped["from"] == skipped["to"] == 5
    page.type("on")
    await page.until(lambda: page.end() == 7)
    assert len(page.of("terminals.skipped")) == 1


async def test_the_last_lines_come_again_where_they_were_sent_before_the_skip(
    service: Terminals, server: Remote
) -> None:
    session = await opened_cat(service, server)
    page = Page(service)
    page.attach(session)
    flood = b"".join(b"line %d\r\n" % number for number in range(5_000))
    page.type(flood + b"^C\r\nthe prompt> ")
    await page.shown(b"the prompt> ")
    end = page.end()
    page.skip(drawn=20_000)
    skipped = await page.came("terminals.skipped")
    assert skipped["from"] == 20_000
    assert skipped["to"] > 20_000
    await page.until(lambda: page.end() == end)
    assert page.output[1].startswith(b"line 49")
    assert page.output[1].endswith(b"line 4999\r\n^C\r\nthe prompt> ")
    # Of what is drawn already nothing comes again, however near the end it is.
    page.skip(drawn=end - 5)
    await page.until(lambda: len(page.of("terminals.skipped")) == 2 and page.end() == end)
    assert page.of("terminals.skipped")[-1]["to"] == end - 5


async def test_a_skip_is_answered_also_where_the_ring_has_run_over(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    page = Page(service)
    page.attach(session)
    await page.shown(b"ready")
    page.accepts = False
    session.display.written(bytes(RING + 10) + b"\nthe prompt> ")
    session.display.push(session.display.viewers[0])
    assert session.display.viewers[0].overrun
    page.skip(drawn=5)
    await page.came("terminals.skipped")
    page.accepts = True
    page.connection.writable_again()
    assert bytes(page.output[1]) == b"the prompt> "
    assert len(page.of("terminals.attached")) == 1


async def test_a_skip_of_before_the_page_was_attached_anew_is_void(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    page = Page(service)
    page.attach(session)
    await page.shown(b"ready")
    page.accepts = False
    session.display.written(bytes(RING + 10) + b"\nthe prompt> ")
    session.display.push(session.display.viewers[0])
    page.accepts = True
    page.connection.writable_again()
    assert len(page.of("terminals.attached")) == 2
    # Sent before the page had seen that; its terminal begins anew.
    page.send("terminals.skip", stream=1, offset=5)
    assert session.display.viewers[0].skipping is None
    await page.shown(b"the prompt> ")
    page.send("terminals.skip", stream=1, offset=page.end() + 1)
    assert page.of("error")[-1]["code"] == "bad-offset"


async def test_viewers_and_streams_are_bounded(service: Terminals, server: Remote) -> None:
    session = await opened_cat(service, server)
    pages = [Page(service) for _ in range(2)]
    answers = [pages[n % 2].attach(session, n + 1)["type"] for n in range(VIEWERS + 1)]
    assert answers == ["terminals.attached"] * VIEWERS + ["error"]
    assert pages[VIEWERS % 2].of("error")[-1]["code"] == "too-many"
    others = [service.add(session.source, None, 24, 80) for _ in range(4)]
    page = Page(service)
    answers = [page.attach(others[n % 4], n + 1)["type"] for n in range(STREAMS + 1)]
    assert answers == ["terminals.attached"] * STREAMS + ["error"]


async def test_the_page_comes_back_before_its_old_connection_is_known_to_be_dead(
    service: Terminals, server: Remote
) -> None:
    session = await opened_cat(service, server)
    old, new = Page(service), Page(service)
    old.attach(session, viewer="one")
    old.type("abc")
    await old.shown(b"readyabc")
    attached = new.attach(session, viewer="one", have=5, typed=1)
    assert attached["input"] == 3
    assert len(session.display.viewers) == 1
    new.typed[1] = 1
    new.type("bcd")
    await new.shown(b"abcd")
    old.vanish()
    assert len(session.display.viewers) == 1
