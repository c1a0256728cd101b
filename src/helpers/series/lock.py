"""One run of the series at a time in a run's directory."""

import os
from contextlib import contextmanager
from pathlib import Path

import filelock

from helpers.files import read_json, write_json
from helpers.runs import now
from helpers.series.parameters import SeriesError

LOCK, HOLDER = ".lock", ".running.json"


@contextmanager
def only_one(run_directory):
    """Hold a run's directory while the block runs; the system lets it go when the process ends, however that comes.

    Raises:
        SeriesError: another process holds it; the message names it.
    """
    run_directory = Path(run_directory)
    run_directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(run_directory / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise SeriesError(_held(run_directory)) from None
    try:
        write_json(run_directory / HOLDER, {"pid": os.getpid(), "since": now()})
        yield
    finally:
        (run_directory / HOLDER).unlink(missing_ok=True)
        lock.release()


def _held(run_directory):
    """Who holds a run's directory, in one line."""
    path = run_directory / HOLDER
    who = "which only just began"
    if path.is_file():
        holder = read_json(path)
        who = f"process {holder['pid']}, since {holder['since']}"
    place = f"runs/{run_directory.name}"
    return f"{place}: another run is under way there ({who}). Wait for it to end, or take another --name."
