"""Photograph the dashboard for the README: `python tools/photograph_dashboard.py [--data DIR] [--run DIR]`.

Starts it on data and run, opens the page of the worst images in Chromium, and writes `reports/dashboard.png`. Needs the
extras `dashboard` and `test`, and Chromium.
"""

import argparse
import logging
import socket
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from helpers.dashboard.app import make_app
from helpers.dashboard.board import make_board
from helpers.dashboard.places import open_places
from helpers.files import written_beside
from helpers.report.pdf import find_browser

ROOT = Path(__file__).absolute().parent.parent
SIZE = {"width": 1280, "height": 860}


def main():
    """Start, photograph, stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="", metavar="DIR")
    parser.add_argument("--run", default="", metavar="DIR")
    parser.add_argument("--page", default="worst", help="distribution, images, worst, submission or predict (worst)")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "dashboard.png", metavar="FILE")
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    board = make_board(open_places(ROOT, arguments.data, arguments.run))
    board.scores.wait()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = make_server("127.0.0.1", port, make_app(board, port=port).server, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        page = "" if arguments.page == "distribution" else arguments.page
        photograph(f"http://127.0.0.1:{port}/{page}", arguments.out)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        board.close()
    print(f"Written: {arguments.out}")


def photograph(address, path):
    """A picture of what a window shows of an address, once all is drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        page.locator("#page h1").wait_for()
        page.wait_for_load_state("networkidle")
        with written_beside(path) as beside:
            page.screenshot(path=beside)
        browser.close()


if __name__ == "__main__":
    main()
