"""The gate of a classifier before the masks."""

import numpy as np
import pandas as pd
import pytest

from helpers.counts import PixelCounts
from helpers.inference.classify import DEFECT
from helpers.inference.gate import defect_stater, gate_counts, read_gate, score_gates, write_answers
from test_classify import answers


def test_gate_goes_from_file_to_counts(tmp_path):
    """The masks of a sheet below the threshold are taken back whole, right ones too."""
    found = answers([[1, 1], [1, 0], [0, 0]], [[0.9, 0.2], [0.3, 0.4], [0.005, 0.1]], names=(DEFECT, "pits"))
    path = tmp_path / "predictions" / "gate.csv"
    write_answers(
        path,
        {
            "holdout": found.take(np.array([True, False, True])),
            "validation": found.take(np.array([False, True, False])),
        },
        SPLIT,
    )
    stated = read_gate(path, ["c.jpg", "a.jpg", "b.jpg"], SPLIT)
    assert stated.to_dict() == {"c.jpg": 0.005, "a.jpg": 0.9, "b.jpg": 0.3}
    stated = stated.to_numpy()
    counts = PixelCounts(true=[[0], [8], [4]], predicted=[[2], [8], [4]], shared=[[0], [8], [4]])
    gated = gate_counts(counts, stated >= 0.5)
    assert gated.predicted.tolist() == [[0], [8], [0]] and gated.shared.tolist() == [[0], [8], [0]]
    assert gated.true.tolist() == counts.true.tolist()
    table, estimates = score_gates(counts, stated, np.arange(3), ["pits"])
    assert table.index.tolist() == ["none", "0.01", "0.5"]
    dice = {name: scores["defect_dice"].value for name, scores in estimates.items()}
    assert dice == {"none": 1.0, "0.01": 1.0, "0.5": 0.5}
    rejected = {name: scores["sheets_rejected"].value for name, scores in estimates.items()}
    passed = {name: scores["sheets_passed"].value for name, scores in estimates.items()}
    assert rejected == {"none": 1.0, "0.01": 0.0, "0.5": 0.0} and passed == {"none": 0.0, "0.01": 0.0, "0.5": 0.5}


SPLIT = pd.DataFrame({"image_id": ["a.jpg", "b.jpg"], "fold": [0, 1], "split": ["holdout", "train"]})


def test_read_gate_raises(tmp_path):
    path = tmp_path / "gate.csv"
    with pytest.raises(FileNotFoundError, match="Run 03_classifier with that model first"):
        read_gate(path, ["a.jpg"], SPLIT)
    write_answers(path, {"holdout": answers([1], [0.5])}, SPLIT)
    with pytest.raises(ValueError, match=r"'z.jpg' is not among the images .* \(1 are missing\)"):
        read_gate(path, ["a.jpg", "z.jpg"], SPLIT)
    with pytest.raises(ValueError, match="trained by another split. Run 03_classifier with it again"):
        read_gate(path, ["a.jpg"], SPLIT.assign(split=["train", "holdout"]))
    assert read_gate(path, ["a.jpg"], SPLIT.iloc[::-1]).tolist() == [0.5]


def test_defect_stater_refuses_what_is_no_classifier():
    with pytest.raises(ValueError, match="the classifier's first answer is 'pits', expected 'defect'"):
        defect_stater(None, {"class_names": ["pits"], "input_shape": [32, 64]})
