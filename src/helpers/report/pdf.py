"""A page of a report as PDF, printed by Chromium where there is one."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from helpers.files import written_beside

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
INSTALL = (
    "Install Chromium (Debian and Ubuntu: apt-get install chromium; macOS: brew install --cask chromium) "
    "and run `make paper`."
)
SECONDS = 120  # that printing may take
# Of a link to a file beside the page: in print it would lead to where the file lay on this machine.
BESIDE = re.compile(r"""(<a\b[^>]*?)\shref="(?!https?:|mailto:|\#)[^"]*\"""")
# Headless, and cut off: what Chromium does on its own in the background is switched off, and no name resolves.
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
)


def find_browser():
    """Path of Chromium or Chrome; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_pdf(page, pdf):
    """Print a page to a PDF file.

    Args:
        page: HTML file.
        pdf: where to write; appears only when it is whole.

    Returns:
        "" when it was written; else a line that says why not, and what to do.
    """
    page, pdf = Path(page).absolute(), Path(pdf).absolute()
    browser = find_browser()
    if browser is None:
        return f"No {pdf.name}: no Chromium was found to print {page.name} with. {INSTALL}"
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, tempfile.TemporaryDirectory() as printed:
        file, copy = Path(printed) / "page.pdf", Path(printed) / "page.html"
        copy.write_text(BESIDE.sub(r"\1", page.read_text(encoding="utf-8")), encoding="utf-8")
        command = [browser, *OPTIONS, *(["--no-sandbox"] if root else []), f"--user-data-dir={folder}"]
        try:
            done = subprocess.run(
                [*command, f"--print-to-pdf={file}", copy.as_uri()],
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"No {pdf.name}: {browser} took more than {SECONDS} seconds. Run `make paper` to try again."
        if done.returncode or not file.is_file() or not file.read_bytes().startswith(b"%PDF"):
            last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            return (
                f"No {pdf.name}: {browser} ended with {done.returncode} ({last:.200}). Run `make paper` to try again."
            )
        with written_beside(pdf) as beside:
            shutil.copyfile(file, beside)
    return ""
