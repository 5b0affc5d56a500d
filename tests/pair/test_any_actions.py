"""Both ends do whatever an application may do, in any order, while packets arrive at any pace: nothing is lost."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jupyter_ssh.ssh.protocol import events as e
from jupyter_ssh.ssh.protocol.channel import Channel
from jupyter_ssh.ssh.protocol.settings import KeepAlive, Settings
from jupyter_ssh.ssh.protocol.window import MAX_UINT32
from tests.pair.pairing import End, Pair, suite

SETTINGS = Settings(
    suite(), max_window=50_000, max_channels=6, rekey_bytes=300_000, rekey_seconds=100, keepalive=KeepAlive(30, 3)
)
SIDES = st.sampled_from([0, 1])
PICKS = st.integers(0, 20)


class Half:
    """One end of a channel, with all that went into it and came out of it."""

    def __init__(self, channel: Channel, credit: bool) -> None:
        self.channel = channel
        self.credit = credit
        self.uncredited = 0
        self.other: Half | None = None
        self.sent: dict[int | None, bytearray] = {None: bytearray(), 1: bytearray()}
        self.heard: dict[int | None, bytearray] = {None: bytearray(), 1: bytearray()}
        self.eof = self.cut_off = False
        """Whether it said eof; whether it dropped bytes, or had no right to all of them any more."""
        self.events: list[e.ChannelEvent] = []
        self.asked = self.answered = 0
        self.to_answer = 0
        channel.on_event = self._on_event
        channel.on_data = self._on_data

    def _on_data(self, data: bytes, code: int | None) -> None:
        assert not any(isinstance(event, (e.ChannelEofReceived, e.ChannelClosed)) for event in self.events)
        self.heard[code] += data
        if self.credit:
            self.channel.credit(len(data))
        else:
            self.uncredited += len(data)

    def _on_event(self, event: e.ChannelEvent) -> None:
        assert not any(isinstance(earlier, e.ChannelClosed) for earlier in self.events)
        if not isinstance(event, e.ChannelWritable):
            self.events.append(event)
        if isinstance(event, e.ChannelRequested) and event.want_reply:
            self.to_answer += 1

    def was_told(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)

    @property
    def writable(self) -> bool:
        channel = self.channel
        # That an end waits for the data before it shows in nothing that a channel says of itself.
        return channel.open and not (
            self.eof or channel.close_sent or channel._close_when_sent or channel._eof_when_sent
        )


class AnyActions(RuleBasedStateMachine):
    """The rules are what an application, a network and a clock can do."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Pair(SETTINGS, SETTINGS).run()
        self.halves: tuple[list[Half], list[Half]] = ([], [])
        self.opening: tuple[list[Half], list[Half]] = ([], [])
        self.now = 0.0
        self.global_asked = 0
        self.global_answers: list[bytes | None] = []
        self.paused = [False, False]
        for side, end in enumerate(self.pair.ends):
            end.react = self._reacts(side, end)

    def _reacts(self, side: int, end: End):
        def react(event: e.Event) -> None:
            if isinstance(event, e.ChannelOpenRequested):
                # Channels open in the order they were asked for.
                asker = self.opening[1 - side].pop(0)
                if event.kind == "refuse":
                    event.channel.refuse(2, "as asked")
                    return
                half = Half(event.channel, credit=asker.credit)
                half.other, asker.other = asker, half
                self.halves[side].append(half)
                event.channel.accept()
            else:
                end.accept_all(event)

        return react

    def pick(self, side: int, number: int) -> Half | None:
        return self.halves[side][number % len(self.halves[side])] if self.halves[side] else None

    # --- applications -------------------------------------------------------------------------------------------------

    @rule(side=SIDES, refuse=st.booleans(), credit=st.booleans())
    def open_channel(self, side: int, refuse: bool, credit: bool) -> None:
        end = self.pair.ends[side]
        if sum(len(one.session.connection.channels) for one in self.pair.ends) + len(self.opening[side]) > 4:
            return
        kind = "refuse" if refuse else "session"
        half = Half(end.session.open_channel(kind, b"", lambda event: None, lambda data, code: None), credit)
        self.halves[side].append(half)
        self.opening[side].append(half)

    @rule(side=SIDES, number=PICKS, size=st.sampled_from([0, 1, 100, 33_000, 120_000]), stderr=st.booleans())
    def write(self, side: int, number: int, size: int, stderr: bool) -> None:
        half = self.pick(side, number)
        if half is not None and half.writable:
            code = 1 if stderr else None
            data = bytes((len(half.sent[code]) + index) % 251 for index in range(size))
            half.channel.write(data, code)
            half.sent[code] += data

    @rule(side=SIDES, number=PICKS)
    def credit_late(self, side: int, number: int) -> None:
        half = self.pick(side, number)
        if half is not None and half.uncredited:
            count, half.uncredited = half.uncredited, 0
            half.channel.credit(count)

    @rule(side=SIDES, number=PICKS, how=st.sampled_from(["eof", "eof", "close", "abort"]))
    def finish(self, side: int, number: int, how: str) -> None:
        half = self.pick(side, number)
        if half is None:
            return
        if how == "eof" and half.channel.open:
            half.eof = True
        if how != "eof":
            # Whoever closes wants no more; whoever aborts drops what waits.
            half.cut_off = half.cut_off or how == "abort"
            if half.other is not None:
                half.other.cut_off = True
        getattr(half.channel, how)()

    @rule(side=SIDES, number=PICKS)
    def ask(self, side: int, number: int) -> None:
        half = self.pick(side, number)
        if half is not None and half.channel.open and not half.channel.close_sent:
            half.asked += 1

            def answered(success: bool) -> None:
                half.answered += 1

            half.channel.request("question", b"", answered)

    @rule(side=SIDES, number=PICKS, success=st.booleans())
    def answer(self, side: int, number: int, success: bool) -> None:
        half = self.pick(side, number)
        if half is not None and half.to_answer:
            half.to_answer -= 1
            half.channel.reply(success)

    @rule(side=SIDES)
    def ask_globally(self, side: int) -> None:
        self.global_asked += 1
        self.pair.ends[side].session.connection.request_global("x", on_reply=self.global_answers.append)

    @rule(side=SIDES)
    def rekey(self, side: int) -> None:
        self.pair.ends[side].session.rekey()

    # --- network and clock --------------------------------------------------------------------------------------------

    @rule(side=SIDES, count=st.integers(1, 6))
    def deliver(self, side: int, count: int) -> None:
        for _ in range(count):
            self.pair.deliver_one(self.pair.ends[side])

    @rule()
    def carry(self) -> None:
        self.pair.step()

    @rule(side=SIDES)
    def pause_or_resume(self, side: int) -> None:
        self.paused[side] = not self.paused[side]
        session = self.pair.ends[side].session
        (session.pause if self.paused[side] else session.resume)()

    @precondition(lambda self: not any(self.paused))
    @rule(seconds=st.sampled_from([1.0, 20.0, 60.0]))
    def tick(self, seconds: float) -> None:
        self.pair.run()  # a network that stands still for so long would be given up, and rightly
        self.now += seconds
        for end in self.pair.ends:
            end.session.tick(self.now)
        self.pair.run()

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nobody_fails(self) -> None:
        self.pair.raise_failures()

    @invariant()
    def windows_are_kept(self) -> None:
        for half in (*self.halves[0], *self.halves[1]):
            channel = half.channel
            assert 0 <= channel.peer_window <= MAX_UINT32
            assert 0 <= channel.window.available <= channel.window.size
            assert channel.unsent >= 0
            assert half.answered <= half.asked

    @invariant()
    def what_is_heard_was_sent(self) -> None:
        for half in (*self.halves[0], *self.halves[1]):
            if half.other is not None:
                for code, data in half.heard.items():
                    assert half.other.sent[code].startswith(data)

    def teardown(self) -> None:
        """Lets everything come to its end, then looks at what is left."""
        for side, end in enumerate(self.pair.ends):
            if self.paused[side]:
                end.session.resume()
        everyone = [*self.halves[0], *self.halves[1]]
        for _ in range(1000):
            self.pair.run()
            stuck = [half for half in everyone if half.uncredited]
            for half in stuck:
                count, half.uncredited = half.uncredited, 0
                half.channel.credit(count)
            everyone = [*self.halves[0], *self.halves[1]]
            if not stuck:
                break
        for half in everyone:
            if half.other is not None and not (half.cut_off or half.other.cut_off):
                assert half.sent == half.other.heard, "everything written arrives"
                assert half.other.was_told(e.ChannelEofReceived) is half.eof
        for half in everyone:
            half.channel.close()
            half.channel.close()
        self.pair.run()
        self.pair.raise_failures()
        for half in everyone:
            assert half.asked == half.answered, "every question is answered, if only by the end"
            assert half.was_told(e.ChannelClosed) or half.was_told(e.ChannelRefused)
        for end in self.pair.ends:
            assert end.session.connection.channels == {}
        assert self.global_answers == [None] * self.global_asked


AnyActions.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestAnyActions = AnyActions.TestCase
