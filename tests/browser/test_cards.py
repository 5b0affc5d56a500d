"""The cards in the light and the dark theme: readable, and made of what assistive technology understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab, high_page, open_notebook, run_cells, write_notebook

CELLS = (
    "%load_ext jupyter_ssh",
    "%ssh demo",
    "%ssh demo 'printf \"\\033[32mgreen\\033[0m and \\033[1;31mbold red\\033[0m\\n\"; echo problem >&2'",
    "r = %ssh demo 'seq 1 30; echo \"<b>no markup</b>\" >&2'",
    "r",
    "%ssh --no-raise-error demo 'exit 3'",
    "%ssh demo 'exit 3'",
    "%ssh nosuchhost.invalid uname",
    "failed = %ssh --no-raise-error demo 'echo gone >&2; kill -TERM $$'\nfailed",
    "%ssh -o ServerAliveInterval=99 demo",
    "%ssh_hosts",
    "%ssh_close --all\n%ssh_hosts",
    "%ssh --doctor demo",
    "%ssh --doctor -p 1 demo",
    "!ssh-keygen -q -t ed25519 -N '' -C 'alice at <work>' -f one && ssh-keygen -q -t rsa -N '' -C other -f two",
    "%ssh_add --own one\n%ssh_add -c -t 8h two",
)
CARDS = 9

# For each piece of text in the cards: what it is, and its contrast with what is behind it (WCAG 2.2, 1.4.3).
CONTRAST = """
() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const parse = text => { const [r, g, b, a = 1] = numbers(text); return {r, g, b, a}; };
  const over = (top, below) => {
    const mix = name => top[name] * top.a + below[name] * (1 - top.a);
    return {r: mix('r'), g: mix('g'), b: mix('b'), a: 1};
  };
  const luminance = colour => {
    const part = value => {
      const v = value / 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(colour.r) + 0.7152 * part(colour.g) + 0.0722 * part(colour.b);
  };
  const background = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), {r: 255, g: 255, b: 255, a: 1});
  };
  const opacity = element => {
    let value = 1;
    for (let e = element; e; e = e.parentElement) value *= Number(getComputedStyle(e).opacity);
    return value;
  };
  const found = [];
  for (const card of document.querySelectorAll('.jssh-card')) {
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const text = walker.currentNode.textContent.trim();
      if (!text) continue;
      const element = walker.currentNode.parentElement;
      const behind = background(element);
      const colour = parse(getComputedStyle(element).color);
      colour.a *= opacity(element);
      const [dark, light] = [luminance(over(colour, behind)), luminance(behind)].sort((a, b) => a - b);
      found.push([text, (light + 0.05) / (dark + 0.05)]);
    }
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def page(context: Any, lab: Lab) -> Any:
    """A page on which all cells have been run."""
    write_notebook(lab.folder / "cards.ipynb", CELLS)
    page = high_page(context)
    open_notebook(page, lab.address("cards.ipynb"))
    run_cells(page)
    page.wait_for_function("count => document.querySelectorAll('.jssh-card').length >= count", arg=CARDS)
    return page


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_cards_are_readable_in_the_theme(page, tmp_path: Path, theme):
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    picture = tmp_path / f"{theme.split()[-1].lower()}.png"
    page.screenshot(path=picture)
    print(f"to look at: {picture}")
    found = page.evaluate(CONTRAST)
    assert len(found) > 50
    too_low = [(text, round(contrast, 2)) for text, contrast in found if contrast < 4.5]
    assert not too_low


def test_the_cards_are_tables_with_headings_and_hold_no_script(page):
    cards = page.locator(".jp-OutputArea .jssh-card")
    assert cards.count() == CARDS
    assert page.locator(".jssh-card script, .jssh-card [onclick], .jssh-card b").count() == 0
    assert page.locator(".jssh-card th:not([scope])").count() == 0
    for position in range(CARDS):
        assert cards.nth(position).get_attribute("aria-label")
    assert "<b>no markup</b>" in cards.nth(1).inner_text()
