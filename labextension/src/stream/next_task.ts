/** A new task, without the 4 ms by which browsers delay timers that were set by timers (HTML, "timers"). */

const waiting: (() => void)[] = [];
let channel: MessageChannel | null = null;

/** Call `task` once the page has done what is more urgent: input, frames. */
export function nextTask(task: () => void): void {
  if (channel === null) {
    channel = new MessageChannel();
    channel.port1.onmessage = () => waiting.shift()?.();
  }
  waiting.push(task);
  channel.port2.postMessage(null);
}
