/** One page's view of one session: both directions by offset, across any number of connections. */

import { realClock, type Clock } from '../connection/backoff';
import type { Stream } from '../connection/service';
import { LIMITS as FRAME_LIMITS } from '../protocol/frames';
import {
  allowedSize,
  LIMITS,
  type Attached,
  type OfStream,
  type Received,
  type Resized
} from '../services/terminals/messages';
import type { ViewerLink, ViewerListener } from '../services/terminals/service';
import type { TranslationBundle } from '../translation';
import { FLOOD, Flood } from './flood';
import { InputBuffer } from './input';
import { Snapshots } from './snapshots';
import { Writer, type Screen } from './writer';

export interface ViewerEvents {
  /** The viewer is attached, or no longer. */
  changed(): void;
  /** The session does not exist any more. */
  gone(): void;
  /** The output up to the time of attaching is on the screen. */
  drawn(): void;
  /** The stream has a problem that a person should know about. */
  trouble(text: string): void;
}

/**
 * Output is acknowledged after this many bytes, few enough to be soon: the kernel's smallest window is four times that.
 */
const ACK_BYTES = 128 * 1024;
/** How long Ctrl-C takes effect against a flood that continues; after that, the program ignores it. */
const INSIST = 10_000;
const ETX = 3;
/** Answers to queries that the remote may leave unread; a remote that only asks gets no more. */
const UNREAD_ANSWERS = 16 * 1024;
/** So many breaks in a piece of output make a flood of it, however few bytes it has. */
const BREAKS = 4;
/** Milliseconds from one title to the next: a prompt sets one, but so can each line of a flood. */
const TITLE_PAUSE = 200;
/** The kernel takes a second for it, and its answer may have to wait behind its other messages. */
const SKIP_TIMEOUT = 15_000;
const MEBI_NAMES: [number, string][] = [
  [1024 ** 3, 'GiB'],
  [1024 ** 2, 'MiB'],
  [1024, 'KiB']
];

/** "3.4 MiB" */
export function amount(bytes: number): string {
  const [unit, name] = MEBI_NAMES.find(([unit]) => bytes >= unit) ?? [1, 'bytes'];
  const value = bytes / unit;
  return `${value >= 100 || unit === 1 ? Math.round(value) : value.toFixed(1)} ${name}`;
}

export class Viewer implements ViewerListener {
  /** Whether the kernel knows this viewer on this connection. */
  attached = false;
  lead = false;
  private readonly stream: Stream;
  private readonly identity: string;
  private readonly input = new InputBuffer();
  private readonly writer: Writer;
  private readonly flood: Flood;
  private readonly snapshots: Snapshots;
  private has = false;
  private live = 0;
  private isDrawn = false;
  private acked = 0;
  /** Until the kernel answers, output is discarded; `from` is where the terminal stopped. */
  private skipping: { from: number; cancel: () => void } | null = null;
  /** The size for which the page has room; null while that is unknown. */
  private size: { rows: number; cols: number } | null = null;
  private visible = false;
  /** Whether the size has changed before the kernel answered that we are attached. */
  private resized = false;
  /** When Ctrl-C was pressed, if it was the last key; else null. */
  private interrupted: number | null = null;
  /** How many bytes of answers the remote was sent since it had last read everything. */
  private answered = 0;
  /** The newest title, if it has to wait. */
  private nextTitle: string | null = null;
  private isTitleRecent = false;
  /** How often the page was let do something else since output was parsed. */
  private breaks = 0;
  private disposed = false;

  constructor(
    readonly session: string,
    private readonly link: ViewerLink,
    private readonly screen: Screen,
    private readonly events: ViewerEvents,
    private readonly trans: TranslationBundle,
    private readonly clock: Clock = realClock
  ) {
    this.identity = randomName();
    this.writer = new Writer(screen, () => this.onParsed());
    this.flood = new Flood(screen.drawing, clock);
    screen.atBreak = () => {
      this.breaks += 1;
      if (this.breaks >= BREAKS) {
        this.flood.level(Infinity, screen.alternate);
      }
    };
    const rules = {
      mayTake: () => this.attached && this.skipping === null && this.has && this.writer.parsed >= this.live,
      isDuty: () => this.lead,
      taken: (offset: number, text: string) => this.handIn(offset, text)
    };
    this.snapshots = new Snapshots(screen, this.writer, this.flood, rules, clock);
    this.stream = link.openStream(this);
  }

  /**
   * Whether to send the terminal's answers to queries in the output: not if they were sent before, and only for one of
   * several viewers.
   */
  get answers(): boolean {
    return this.attached && this.lead && this.writer.parsed >= this.live;
  }

  /** Whether the output drawn now was written before this page attached. */
  get isReplaying(): boolean {
    return !this.has || this.writer.parsed < this.live;
  }

  /** The output offset up to which everything is on the screen. */
  get parsed(): number {
    return this.writer.parsed;
  }

  /** The rows and columns for which the page has room, as announced; null before. */
  get room(): { rows: number; cols: number } | null {
    return this.size;
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    this.screen.atBreak = null;
    this.flood.end();
    this.snapshots.takeNow();
    this.skipping?.cancel();
    this.stream.close();
  }

  /** The person has done something to the terminal, so everything must be drawn. */
  touched(): void {
    this.flood.touched();
    this.snapshots.touched();
  }

  /** The page may be closed at any moment: send the kernel a snapshot. */
  leaving(): void {
    this.snapshots.takeNow();
  }

  /** Send what the terminal answers by itself: nobody has touched it. */
  answer(bytes: Uint8Array): void {
    if (this.input.isEmpty) {
      this.answered = 0;
    }
    this.answered += bytes.length;
    if (this.answered <= UNREAD_ANSWERS && this.input.push(bytes)) {
      this.flush();
    }
  }

  /** Send what the person typed or pasted. */
  type(bytes: Uint8Array): void {
    this.touched();
    if (!this.input.push(bytes)) {
      this.events.trouble(this.trans.__('Too much was typed or pasted: the rest was discarded.'));
      return;
    }
    this.flush();
    const interrupts = bytes.length === 1 && bytes[0] === ETX;
    this.interrupted = interrupts ? this.clock.now() : null;
    if (interrupts) {
      this.skip();
    }
  }

  /** Discard what was typed and not sent. */
  forgetInput(): void {
    this.input.clear();
  }

  /** Tell how much room the terminal has, and whether it is visible; `focus` if the person has just turned to it. */
  show(rows: number, cols: number, visible: boolean, focus = false): void {
    const size = allowedSize(rows, cols);
    const same = size.rows === this.size?.rows && size.cols === this.size.cols && visible === this.visible;
    this.size = size;
    const hides = this.visible && !visible;
    this.visible = visible;
    if (this.attached && (!same || focus)) {
      this.send('size', { ...size, visible, ...(focus ? { focus } : {}) });
    }
    this.resized ||= !same;
    if (hides) {
      this.snapshots.takeSoon();
    }
  }

  /** The terminal is not visible, whatever its size. */
  hide(): void {
    const { rows, cols } = this.size ?? this.screen;
    if (this.visible) {
      this.show(rows, cols, false);
    }
  }

  /** Tell the kernel the title that the remote set. */
  title(title: string): void {
    if (this.disposed || !this.attached || !this.lead || this.isReplaying) {
      return;
    }
    if (this.isTitleRecent) {
      this.nextTitle = title;
      return;
    }
    this.send('title', { title: title.slice(0, LIMITS.title) });
    this.isTitleRecent = true;
    this.clock.after(TITLE_PAUSE, () => {
      const next = this.nextTitle;
      this.nextTitle = null;
      this.isTitleRecent = false;
      if (next !== null) {
        this.title(next);
      }
    });
  }

  // --- what the connection says ---

  /** Attach, starting from the output we have. */
  connected(): void {
    this.skipping?.cancel();
    if (this.skipping !== null) {
      this.skipping = null;
      this.has = false; // discarded output cannot be requested from where it began
    }
    this.attach();
  }

  disconnected(): void {
    this.attached = false;
    this.lead = false;
    this.events.changed();
  }

  replaced(): void {
    this.attached = false;
    this.events.gone();
  }

  onAttached(attached: Attached): void {
    this.attached = true;
    this.lead = attached.lead;
    this.skipping?.cancel();
    this.skipping = null;
    const goesOn = this.has && attached.snapshot === null && attached.from === this.writer.received;
    if (!goesOn) {
      this.restart(attached);
    }
    this.has = true;
    this.live = attached.live;
    this.isDrawn = false;
    this.writer.stopAt(attached.live);
    this.writer.resizeAt(attached.sizes.filter(([offset]) => offset > attached.from));
    if (this.resized && this.size !== null) {
      this.send('size', { ...this.size, visible: this.visible });
    }
    this.input.confirm(attached.input);
    this.input.rewind();
    this.flush();
    this.ack();
    this.checkDrawn();
    this.events.changed();
  }

  onOutput(offset: number, bytes: Uint8Array): void {
    if (!this.attached || this.skipping !== null) {
      return;
    }
    const expected = this.writer.received;
    if (offset > expected) {
      this.attachAnew();
      return;
    }
    const fresh = bytes.subarray(expected - offset);
    if (fresh.length === 0) {
      return;
    }
    this.snapshots.came();
    this.writer.push(fresh);
    this.flood.level(this.writer.waiting, this.screen.alternate);
    // A slow machine takes longer to end the program, and the page may not know yet how much is in transit.
    if (this.interrupted !== null && this.clock.now() - this.interrupted < INSIST) {
      this.skip();
    }
  }

  onResized({ offset, rows, cols }: Resized): void {
    if (this.attached) {
      this.writer.resizeAt([[offset, rows, cols]]);
    }
  }

  onInput({ offset }: Received['input']): void {
    this.input.confirm(offset);
    this.flush();
  }

  onSkipped({ from, to }: Received['skipped']): void {
    if (this.skipping?.from !== from) {
      return; // the answer to another request
    }
    this.skipping.cancel();
    this.skipping = null;
    const note = this.trans.__('%1 not shown', amount(Math.max(0, to - from)));
    // CAN ends a sequence that was cut off; then the initial colours and character set are restored.
    this.writer.jump(to, `\x18\x1b[0m\x0f\x1b(B\r\n[${note}]\r\n`);
    this.snapshots.known(-1);
  }

  onLead({ lead }: Received['lead']): void {
    this.lead = lead;
  }

  failed(code: string, text: string): void {
    switch (code) {
      case 'no-session':
        this.attached = false;
        this.events.gone();
        break;
      case 'bad-offset':
        this.input.rewind();
        this.flush();
        break;
      case 'no-stream':
        if (this.attached) {
          this.attachAnew();
        }
        break;
      default:
        this.events.trouble(text);
    }
  }

  // --- inside ---

  private send<V extends keyof OfStream>(verb: V, members: Omit<OfStream[V], 'stream'>): void {
    this.link.sendOf(this.stream, verb, members);
  }

  private handIn(offset: number, text: string): void {
    // A character is at most three bytes here, but JSON writes an escape as \u001b: half of the limit is safe.
    if (text.length <= FRAME_LIMITS.largeControl / 4) {
      const { rows, cols } = this.screen;
      this.send('snapshot', { offset, rows, cols, text });
    }
  }

  private attach(): void {
    const { session, visible } = this;
    // A page that does not know its size yet must not change the session's.
    const { rows, cols } = this.size ?? this.link.sessions.get(session) ?? this.screen;
    this.resized = false;
    this.send('attach', {
      ...{ session, viewer: this.identity, rows, cols, visible },
      have: this.has ? this.writer.received : null,
      typed: this.input.unconfirmed
    });
  }

  private attachAnew(): void {
    this.attached = false;
    this.has = false;
    this.send('detach', {});
    this.attach();
  }

  private restart(attached: Attached): void {
    const { snapshot, from, description } = attached;
    const before = attached.sizes.filter(([offset]) => offset <= from).pop();
    const rows = snapshot?.rows ?? before?.[1] ?? attached.sizes[0]?.[1] ?? description.rows;
    const cols = snapshot?.cols ?? before?.[2] ?? attached.sizes[0]?.[2] ?? description.cols;
    this.writer.restart(from, rows, cols, snapshot?.text ?? '');
    if (before !== undefined) {
      this.writer.resizeAt([before]);
    }
    this.acked = from;
    this.snapshots.known(snapshot === null ? -1 : from);
  }

  private flush(): void {
    if (!this.attached) {
      return;
    }
    for (let piece = this.input.next(); piece !== null; piece = this.input.next()) {
      this.stream.send(piece.offset, piece.bytes);
    }
  }

  private ack(): void {
    const offset = this.writer.parsed;
    if (this.attached && this.skipping === null && offset > this.acked) {
      this.acked = offset;
      this.send('ack', { offset });
    }
  }

  private onParsed(): void {
    if (this.disposed) {
      return;
    }
    const { parsed, received } = this.writer;
    this.breaks = 0;
    this.flood.level(received - parsed, this.screen.alternate);
    if (parsed === received || parsed - this.acked >= ACK_BYTES) {
      this.ack();
    }
    this.checkDrawn();
    this.snapshots.parsed();
  }

  private checkDrawn(): void {
    if (!this.isDrawn && this.writer.parsed >= this.live) {
      this.isDrawn = true;
      this.events.drawn();
    }
  }

  private skip(): void {
    if (!this.attached || this.skipping !== null || this.writer.waiting <= FLOOD || this.screen.alternate) {
      return;
    }
    const from = this.writer.drawnTo;
    this.writer.drop();
    this.snapshots.stop();
    this.send('skip', { offset: from });
    this.skipping = { from, cancel: this.clock.after(SKIP_TIMEOUT, () => this.attachAnewAfterSkip()) };
  }

  private attachAnewAfterSkip(): void {
    this.skipping = null;
    if (this.attached) {
      this.attachAnew();
    }
  }
}

/** Return 128 random bits, URL-safe. */
function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=/g, '');
}
