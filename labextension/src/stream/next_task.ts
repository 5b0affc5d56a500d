/** A task of its own without the 4 ms that browsers make timers wait which timers have set (HTML, "timers"). */

const waiting: (() => void)[] = [];
let channel: MessageChannel | null = null;

/** Call `task` once the page has had its turn for what it must do: input, frames. */
export function nextTask(task: () => void): void {
  if (channel === null) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()?.();
  }
  waiting.push(task);
  channel.port2.postMessage(null);
}
