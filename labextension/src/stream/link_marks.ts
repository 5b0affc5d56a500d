/**
 * The marks by which xterm.js knows where a link (OSC 8) stands: one for each line of each link. Every line feed moves all
 * of them, and removing one searches all of them, so a remote that prints only links would stop the page. The newest
 * ones stay: an older link remains as text. A link that is too long is none.
 */

import { internals, type AnyTerminal, type LinkMark } from './internals';

/** Of all links together; a full screen of a program that makes each file's name a link has a few hundred. */
export const MOST_MARKS = 1000;
/** Of one link: it can be opened while one of its newest lines exists. */
export const MOST_LINES = 16;
/** Of its address, with its id: browsers open no longer ones either, and other terminals have the same limit. */
export const LONGEST_LINK = 2083;
const LINK = 8;

/** Remove the oldest marks of links in this terminal when there are too many. */
export function limitLinks(terminal: AnyTerminal): void {
  const core = internals(terminal);
  terminal.parser.registerOscHandler(LINK, data => {
    if (data.length <= LONGEST_LINK) {
      return false;
    }
    core?._inputHandler.setHyperlink?.(';'); // what follows is not part of the link before it either
    return true;
  });
  const service = core?._oscLinkService;
  if (service?._dataByLinkId === undefined) {
    return;
  }
  const all: LinkMark[] = [];
  let newest = 0;
  const keep = (marks: LinkMark[]): void => {
    all.push(marks[marks.length - 1] as LinkMark);
    if (marks.length > MOST_LINES) {
      marks[0]?.dispose(); // which removes it from `marks`
    }
    if (all.length > MOST_MARKS) {
      all.shift()?.dispose();
    }
  };
  const marksOf = (link: number): LinkMark[] | undefined => service._dataByLinkId.get(link)?.lines;
  const register = service.registerLink.bind(service);
  service.registerLink = data => {
    const link = register(data);
    const marks = marksOf(link);
    if (link > newest && marks !== undefined) {
      newest = link;
      keep(marks);
    }
    return link;
  };
  const addLine = service.addLineToLink.bind(service);
  service.addLineToLink = (link, row) => {
    const marks = marksOf(link);
    const before = marks?.length ?? 0;
    addLine(link, row);
    if (marks !== undefined && marks.length > before) {
      keep(marks);
    }
  };
}
