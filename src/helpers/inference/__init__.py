"""From a model to masks at the image's own size, their scores, and a submission. Loads no TensorFlow by itself.

`Detector` and `Detection` are those of `helpers.inference.detector`.
"""

import importlib

_OF_DETECTOR = ("Detection", "Detector")


def __getattr__(name):
    # By name, since what is imported here counts as needed by every module of this package (see `helpers.code`).
    if name in _OF_DETECTOR:
        return getattr(importlib.import_module("helpers.inference.detector"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
