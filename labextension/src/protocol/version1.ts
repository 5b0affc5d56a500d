/** Between the frames of version 1, which knows no services, and those that the page works with. */

import { FrameError, type ControlFrame } from './frames';

const TERMINALS = 'terminals';
const QUESTIONS = 'questions';

/** The service of each type that the kernel sends; a type that is not here is unknown. */
const SERVICES: Record<string, string> = {
  hosts: TERMINALS,
  opened: TERMINALS,
  session: TERMINALS,
  gone: TERMINALS,
  attached: TERMINALS,
  resized: TERMINALS,
  input: TERMINALS,
  skipped: TERMINALS,
  lead: TERMINALS,
  question: QUESTIONS,
  answered: QUESTIONS
};

/** A frame of the kernel as the page works with it; null where version 1 knows no such type. Throws FrameError. */
export function fromVersion1(frame: ControlFrame): ControlFrame | null {
  if (frame.type === 'welcome') {
    const own = { [TERMINALS]: { sessions: frame['sessions'] }, [QUESTIONS]: { open: [] } };
    return { ...frame, services: { ...own, ...(frame['services'] as object | undefined) } };
  }
  if (frame.type === 'error') {
    return { service: TERMINALS, ...frame };
  }
  if (frame.type.includes('.')) {
    return frame;
  }
  const service = Object.hasOwn(SERVICES, frame.type) ? SERVICES[frame.type] : undefined;
  if (service === undefined) {
    return null;
  }
  if (frame.type === 'question') {
    if (typeof frame['session'] !== 'string') {
      throw new FrameError('a frame of type question lacks what it needs');
    }
    return { ...frame, type: 'questions.question', about: { service: TERMINALS, session: frame['session'] } };
  }
  return { ...frame, type: `${service}.${frame.type}` };
}

/** A frame of the page as version 1 has it. */
export function toVersion1(frame: ControlFrame): ControlFrame {
  return { ...frame, type: frame.type.replace(/^(terminals|questions)\./, '') };
}
