"""What a terminal tells of itself to who listens on the engine."""

from __future__ import annotations

from jupyter_ssh.ssh.channels.changes import Change, Changes, Counted, Ended, Opened, StateChanged
from tests.notebook.remotes import Remote
from tests.support.pages import OwnSource, Page, terminals


async def test_a_terminal_from_start_to_end(server: Remote) -> None:
    everything = Changes("kernel", "all")
    told: list[Change] = []
    everything.listen(told.append)
    async with terminals(everything) as service:
        session = service.add(OwnSource(server), "cat; exit 3", 24, 80)
        session.begin()
        page = Page(service)
        page.attach(session)
        page.type("echo\n")  # before there is a process to read it: counted once
        await page.shown(b"echo\r\necho\r\n")
        page.type("\x04")
        await page.state(session, "ended")
        session.reconnect()
        await session.opened()
        service.end(session)
        await page.until(lambda: any(isinstance(change, Ended) for change in told))
    subject = session.changes.subject
    assert (subject.kind, subject.name, subject.parent) == ("terminal", "box", None)
    assert told[0] == Opened(subject)
    assert {change.subject for change in told} == {subject}
    states = [change for change in told if isinstance(change, StateChanged)]
    assert [change.state for change in states[:5]] == ["connecting", "open", "ended", "connecting", "open"]
    assert states[2].text.startswith("The remote process ended with status 3 at ")
    last, end = told[-2:]
    assert isinstance(end, Ended)
    assert isinstance(last, Counted)
    assert last.counters.received == session.display.ring.end >= len("echo\r\necho\r\n")
    assert last.counters.sent == len("echo\n\x04")
    assert everything.all_open() == []
