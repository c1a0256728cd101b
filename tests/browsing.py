"""What the tests in a real browser share: Debian's Chromium, driven by Playwright."""

import os

import pytest

PHONE, DESK = {"width": 400, "height": 800}, {"width": 1280, "height": 900}
SCHEMES = ("light", "dark")

# Of each element that has text of its own: the text, its contrast against what lies behind it, and whether it is large.
CONTRASTS = """() => {
  const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = read(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll("*")].filter((element) =>
    element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
  ).map((element) => {
    const style = getComputedStyle(element), size = parseFloat(style.fontSize);
    const [one, other] = [light(read(style.color)), light(behind(element))].sort((a, b) => b - a);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    return { text: element.textContent.trim().slice(0, 40), ratio: (one + 0.05) / (other + 0.05), large };
  });
}"""


def unavailable(reason):
    """Skips, or fails where a browser has to be there: in CI, so that nobody takes a skip for a pass."""
    if os.environ.get("STEEL_BROWSER_NEEDED"):
        pytest.fail(f"{reason}, and STEEL_BROWSER_NEEDED is set")
    pytest.skip(reason)


class Opened:
    """A page in a window of its own, with what it asked for and what it complained of."""

    def __init__(self, browser, address, *, size=DESK, scheme="light"):
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.context.set_default_timeout(90_000)  # a machine that trains beside it is slow
        self.page = self.context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.goto(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
