"""Predictions by several processes: the same to the byte, whoever works, and also when one of them dies."""

import hashlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

distributed = pytest.importorskip("distributed")

import cloudpickle  # noqa: E402

import tiny_models  # noqa: E402
from helpers.inference.cluster import local_cluster, predict_on_cluster, work_on  # noqa: E402
from helpers.inference.detector import Detector  # noqa: E402
from helpers.inference.many import Asked, predict_images  # noqa: E402
from helpers.models.bundle_file import read_bundle  # noqa: E402
from tiny_models import SHAPE, BrightEngine, open_bright, tiny_bundle  # noqa: E402

# Distributed and its event loop warn of sockets and tasks that die with a worker, as one of ours has to.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
IMAGES, CHUNK = 12, 2


def load_bright(asked):
    """What predicts on a worker; loads no TensorFlow."""
    return Detector(BrightEngine(), read_bundle(asked.bundle), batch_size=asked.batch_size)


class Slow(BrightEngine):
    """Leaves its process id in a folder for each batch, and takes its time."""

    def __init__(self, folder):
        super().__init__()
        self.folder = Path(folder)

    def predict_on_batch(self, batch):
        (self.folder / f"{os.getpid()}-{time.time_ns()}").touch()
        time.sleep(0.3)
        return super().predict_on_batch(batch)


@pytest.fixture(scope="module")
def client():
    """A client of a cluster of two processes on this machine."""
    for module in (sys.modules[__name__], tiny_models):
        cloudpickle.register_pickle_by_value(module)
    with local_cluster(2) as cluster, distributed.Client(cluster) as client:
        yield client
    for module in (sys.modules[__name__], tiny_models):
        cloudpickle.unregister_pickle_by_value(module)


def test_two_clusters_on_one_machine_keep_out_of_each_other_s_way():
    """And listen to this machine alone."""
    with local_cluster(1) as first, local_cluster(1) as second:
        servers = [cluster.scheduler.http_server for cluster in (first, second)]
        assert [server.address for server in servers] == ["127.0.0.1"] * 2
        assert servers[0].port != servers[1].port and 8787 not in {server.port for server in servers}


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A bundle that is run by `BrightEngine` here, too."""
    monkeypatch.setattr("helpers.inference.detector.open_engine", open_bright())
    return Asked(tiny_bundle(tmp_path / "tiny"), batch_size=2)


@pytest.fixture
def sheets(tmp_path):
    folder = tmp_path / "sheets"
    folder.mkdir()
    for number in range(IMAGES):
        image = np.random.default_rng(number).integers(0, 256, (SHAPE[0], SHAPE[1] + number // 4), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:02}.png"), image)
    (folder / "bad.png").write_text("no image")
    return folder


def contents(out):
    return [(out / name).read_bytes() for name in ("predictions.csv", "unreadable.csv")]


def predict_here_and(client, sheets, asked, tmp_path, load):
    """What comes of it in this process alone, and by the cluster."""
    predict_images([sheets], tmp_path / "alone", asked, chunk_size=CHUNK)
    predict_images(
        [sheets],
        tmp_path / "out",
        asked,
        chunk_size=CHUNK,
        work=lambda asked, chunks, engine: predict_on_cluster(client, asked, chunks, engine, load),
    )
    return contents(tmp_path / "alone"), contents(tmp_path / "out")


def test_results_equal_those_of_one_process_to_the_byte(client, sheets, asked, tmp_path, caplog):
    """And the log says who did what."""
    with caplog.at_level("INFO", logger="helpers.inference.cluster"):
        alone, together = predict_here_and(client, sheets, asked, tmp_path, load_bright)
    assert together == alone
    chunks = [record.args for record in caplog.records if record.msg.startswith("chunk")]
    assert sorted(number for number, *_ in chunks) == list(range(7))
    assert {worker for _, _, worker, _ in chunks} <= set(client.scheduler_info()["workers"])
    assert sum(record.args[1] for record in caplog.records if "chunks done" in record.msg) == 7


def test_the_benchmark_predicts_by_a_cluster(client, sheets, asked, tmp_path, load_benchmark, monkeypatch):
    """By its own way to hand out chunks."""
    module = load_benchmark("cluster")
    monkeypatch.setattr(module, "predict_on_cluster", partial(predict_on_cluster, load=load_bright))
    (_, alone), (seconds, together) = (
        module.predict(sheets, tmp_path / str(who), asked, who) for who in (None, client)
    )
    assert together == alone and seconds > 0


def test_a_worker_that_is_killed_costs_its_own_chunk_alone(client, sheets, asked, tmp_path, caplog):
    """Killed in the middle of a chunk: the others are not done again, and nothing is missing."""
    marks = tmp_path / "marks"
    marks.mkdir()

    def kill_the_first():
        while not list(marks.iterdir()):
            time.sleep(0.01)
        os.kill(int(next(marks.iterdir()).name.partition("-")[0]), signal.SIGKILL)

    killer = threading.Thread(target=kill_the_first)
    killer.start()
    alone, together = predict_here_and(
        client, sheets, asked, tmp_path, lambda asked: Detector(Slow(marks), read_bundle(asked.bundle), batch_size=2)
    )
    killer.join()
    assert together == alone
    # A batch for each chunk but the last, whose one image can't be read, and one for the chunk that was begun again.
    assert len(list(marks.iterdir())) == IMAGES / CHUNK + 1
    assert any("was lost" in record.message for record in caplog.records)


def test_workers_are_sent_the_export_that_the_engine_opens(client, sheets, asked, tmp_path):
    """They find the same files beside the bundle, and are told which engine of several it is."""
    bundle = read_bundle(asked.bundle)
    export = asked.bundle / "exports" / "onnx"
    export.mkdir(parents=True)
    (export / "network.onnx").write_bytes(b"a network")
    files = {"network.onnx": hashlib.sha256(b"a network").hexdigest()}
    record = {"format": 1, "sha256": bundle["sha256"], "networks": {"32x64": "network.onnx"}, "files": files}
    (export / "export.json").write_text(json.dumps(record | {"checks": {}, "data": "none"}))
    seen = tmp_path / "seen"

    def load(asked):
        if not seen.exists():
            seen.write_bytes((asked.bundle / "exports" / "onnx" / "network.onnx").read_bytes() + asked.engine.encode())
        return load_bright(asked)

    work = lambda asked, chunks, engine: predict_on_cluster(client, asked, chunks, engine, load)  # noqa: E731
    predict_images([sheets], tmp_path / "out", replace(asked, engine="onnx"), chunk_size=CHUNK, work=work)
    assert seen.read_bytes() == b"a networkonnx"
    (export / "network.onnx").write_bytes(b"another one")
    with pytest.raises(ValueError, match="this is not the file that was exported"):
        predict_images([sheets], tmp_path / "more", replace(asked, engine="onnx"), chunk_size=CHUNK, work=work)


def test_a_chunk_that_fails_is_tried_a_few_times_and_no_more(client, sheets, asked, tmp_path):
    tries = tmp_path / "tries"
    tries.mkdir()

    def fail(asked):
        (tries / str(time.time_ns())).touch()
        raise ValueError("no network here")

    work = lambda asked, chunks, engine: predict_on_cluster(client, asked, chunks[:1], engine, fail)  # noqa: E731
    with pytest.raises(ValueError, match="no network here"):
        predict_images([sheets], tmp_path / "out", asked, chunk_size=CHUNK, work=work)
    assert len(list(tries.iterdir())) == 4


def test_workers_with_another_engine_than_this_machine(client, sheets, asked, tmp_path):
    """Also where they are all alike: what is finished here already would differ from theirs."""

    def load(asked):
        detector = load_bright(asked)
        detector.engine.name = "another one"
        return detector

    with pytest.raises(ValueError, match="predicts by another one, this machine by .*: their results would differ"):
        predict_here_and(client, sheets, asked, tmp_path, load)


def test_a_scheduler_that_does_not_answer(sheets, asked, tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.inference.cluster.PATIENCE", 1)
    with pytest.raises(OSError, match="tcp://127.0.0.1:9: no scheduler answers .* `dask scheduler` prints"):
        predict_images([sheets], tmp_path / "out", asked, work=work_on("tcp://127.0.0.1:9"))


def test_a_cluster_without_distributed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'steel-defect-report\[cluster\]'"):
        work_on("")


def test_the_cluster_s_log_goes_to_a_file(client, sheets, asked, tmp_path):
    work = work_on(client.scheduler.address, tmp_path / "out" / "cluster.log", load=load_bright)
    predict_images([sheets], tmp_path / "out", asked, chunk_size=CHUNK, work=work)
    lines = (tmp_path / "out" / "cluster.log").read_text().splitlines()
    assert sum("chunk " in line and " images by tcp://127.0.0.1:" in line for line in lines) == 7
