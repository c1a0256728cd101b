"""How quick is the dashboard, and does it lose anything under load?

    python benchmarks/dashboard.py [--images 12568] [--clients 50] [--seconds 60] [--pages 100]

A data set of so many images is made up (few different sheets, linked over and over), and `steel dashboard` is started
on it twice, in a process of its own: the first time it decodes all images, the second time it takes up what it kept.
Then pages of images are turned, thumbnails included, each for the first time and again; then so many clients at once
ask for pages, thumbnails, photographs and masks without a pause. An answer that is no success, breaks off or takes
longer than a minute counts as lost. Server and clients share the machine. The result is stored under
`benchmarks/results/`.
"""

import argparse
import csv
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from common import RESULTS, machine

from helpers.data.made_up import make_data
from helpers.files import write_json

SHEETS, SHAPE = 48, (256, 1600)
BROWSER_CONNECTIONS = 6  # that browsers open to one server
PATIENCE = 60  # seconds until an answer counts as lost
VALUES = {
    "class-filter": "any",
    "split-filter": [],
    "share-filter": [0, 100],
    "score-filter": [0, 1],
    "verdict-filter": "any",
    "order": "date",
}


def main():
    """Make the data, start, turn pages, load, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=12_568, metavar="N")
    parser.add_argument("--clients", type=int, default=50, metavar="N")
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S")
    parser.add_argument("--pages", type=int, default=100, metavar="N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = make_project(Path(place), arguments.images)
        with Server(root) as first:
            pass
        with Server(root) as server:
            once, again = (turn_pages(server.port, arguments.pages, seed=0) for _ in range(2))
            load = load_server(server.port, arguments.clients, arguments.seconds)
    result = {
        "dashboard_images": arguments.images,
        "seconds_to_start_first": round(first.seconds, 2),
        "seconds_to_start": round(server.seconds, 2),
        "page_ms": once,
        "page_again_ms": again,
        "load": {"clients": arguments.clients, "seconds": arguments.seconds, **load},
        **machine(),
    }
    write_json(RESULTS / f"dashboard-{arguments.images}-{arguments.clients}clients-{arguments.seconds:g}s.json", result)
    print(json.dumps(result, indent=2))


def make_project(place, images):
    """A project's folder with a data set of so many images, most of them links to a few."""
    (place / "notebooks").mkdir()
    (place / "run_all.py").touch()
    few, data = make_data(place / "few", SHEETS, shape=SHAPE, progress=False), place / "data"
    (data / "train_images").mkdir(parents=True)
    sheets = sorted((few / "train_images").iterdir())
    with open(few / "train.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    of_sheet = {sheet.name: [row for row in rows if row["ImageId"] == sheet.name] for sheet in sheets}
    with open(data / "train.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["ImageId", "ClassId", "EncodedPixels"])
        writer.writeheader()
        for number in range(images):
            sheet, name = sheets[number % len(sheets)], f"{number:05}.jpg"
            os.link(sheet, data / "train_images" / name)
            writer.writerows(row | {"ImageId": name} for row in of_sheet[sheet.name])
    shutil.copy(few / "classes.json", data / "classes.json")
    return place


class Server:
    """`steel dashboard` in a process of its own.

    Attributes:
        port: that it listens at.
        seconds: from the command to the first answer.
    """

    def __init__(self, root):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._root, self.seconds = root, None

    def __enter__(self):
        begun = time.perf_counter()
        command = [sys.executable, "-m", "helpers.cli", "dashboard", "--data", "data", "--port", str(self.port)]
        self._process = subprocess.Popen(command, cwd=self._root, stdout=subprocess.DEVNULL)
        while not self._answers():
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"steel dashboard ended with {self._process.returncode}. Start it by hand to see why."
                )
            time.sleep(0.05)
        self.seconds = time.perf_counter() - begun
        return self

    def _answers(self):
        try:
            return ask(connect(self.port), "/")[0] == 200
        except OSError:
            return False

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)


def connect(port):
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def ask(connection, address, sent=None):
    """(status, body) of one request; a body that breaks off raises an error."""
    if sent is None:
        connection.request("GET", address)
    else:
        connection.request("POST", address, json.dumps(sent), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()


class Pages:
    """Asks for pages of images as the browser does."""

    def __init__(self, port):
        _, body = ask(connect(port), "/_dash-dependencies")
        (self._asked,) = (each for each in json.loads(body) if "grid.children" in _outputs(each))

    def get(self, connection, number):
        """(status, body) of the page behind page `number`."""
        parts = [dict(zip(("id", "property"), part.rsplit(".", 1), strict=True)) for part in _outputs(self._asked)]
        inputs = [each | {"value": _value(each)} for each in self._asked["inputs"]]
        sent = {
            "output": self._asked["output"],
            "outputs": parts,
            "inputs": inputs,
            "changedPropIds": ["next-above.n_clicks"],
            "state": [each | {"value": number} for each in self._asked["state"]],
        }
        return ask(connection, "/_dash-update-component", sent)


def _outputs(callback):
    """What a callback changes, as list of "id.property"."""
    return callback["output"].strip(".").split("...")


def _value(asked):
    """A control's value: of a button once pressed, of the range of dates none, so that it has no bound."""
    return 1 if asked["property"] == "n_clicks" else VALUES.get(asked["id"])


def turn_pages(port, number, seed):
    """Turn pages by chance, with their pictures; milliseconds, for the page alone and with its pictures."""
    pages, pick = Pages(port), random.Random(seed)
    connections = [connect(port) for _ in range(BROWSER_CONNECTIONS)]
    alone, whole = [], []
    with ThreadPoolExecutor(BROWSER_CONNECTIONS) as pool:
        for _ in range(number):
            begun = time.perf_counter()
            status, body = pages.get(connections[0], pick.randrange(10**6) % 520)
            alone.append(time.perf_counter() - begun)
            pictures = pictures_of(body)
            parts = [pictures[place::BROWSER_CONNECTIONS] for place in range(BROWSER_CONNECTIONS)]
            found = pool.map(
                lambda pair: [ask(pair[0], each)[0] for each in pair[1]], zip(connections, parts, strict=True)
            )
            statuses = [status, *(each for part in found for each in part)]
            whole.append(time.perf_counter() - begun)
            if set(statuses) != {200} or not pictures:
                raise RuntimeError(f"turning pages gave {sorted(set(statuses))} and {len(pictures)} pictures.")
    return {"pages": number, "alone": percentiles(alone), "with_pictures": percentiles(whole)}


def pictures_of(body):
    """Addresses of all pictures of a page, each once; Dash writes their strokes as escapes."""
    return sorted(set(re.findall(r"/(?:thumbnail|mask)/[^\"\\]+", json.dumps(json.loads(body)))))


def percentiles(seconds):
    """Median and 99th percentile in milliseconds."""
    return {name: round(1000 * float(np.percentile(seconds, each)), 1) for name, each in (("median", 50), ("p99", 99))}


def load_server(port, clients, seconds):
    """Have many clients ask at once, without a pause.

    Returns:
        dict of requests, lost (by reason), requests a second, and latency in milliseconds: median and 99th percentile.
    """
    pages, taken, lost, lock = Pages(port), [], {}, threading.Lock()
    end = time.perf_counter() + seconds

    def work(seed):
        pick, connection, mine, failed = random.Random(seed), connect(port), [], []
        while time.perf_counter() < end:
            for call in round_of(pages, pick, connection):
                begun = time.perf_counter()
                try:
                    status, _ = call()
                    if status != 200:
                        failed.append(f"status {status}")
                except (OSError, http.client.HTTPException) as error:
                    failed.append(type(error).__name__)
                    connection.close()
                mine.append(time.perf_counter() - begun)
        with lock:
            taken.extend(mine)
            for reason in failed:
                lost[reason] = lost.get(reason, 0) + 1

    begun = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(work, range(clients)))
    rate = len(taken) / (time.perf_counter() - begun)
    return {"requests": len(taken), "lost": lost, "a_second": round(rate, 1), "latency_ms": percentiles(taken)}


def round_of(pages, pick, connection):
    """The requests of one visit: the page, its frame, one page of images, and some of their pictures."""
    yield lambda: ask(connection, "/")
    yield lambda: ask(connection, "/_dash-layout")
    seen = []

    def images():
        status, body = pages.get(connection, pick.randrange(520))
        seen.extend(pictures_of(body))
        return status, body

    yield images
    for address in pick.sample(seen, min(8, len(seen))):
        yield lambda address=address: ask(connection, address)
        if address.startswith("/thumbnail/"):
            yield lambda address=address: ask(connection, address.replace("/thumbnail/", "/photograph/"))


if __name__ == "__main__":
    main()
