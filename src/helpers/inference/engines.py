"""Engines: what runs a bundle's network."""

import threading


def open_engine(folder, engine="fastest"):
    """Load a bundle's network for prediction.

    Args:
        folder: the bundle's folder.
        engine: "fastest" or "keras".

    Returns:
        (engine, dict of `bundle.json`): the engine has a `name` and `predict_on_batch(batch)`, as a keras.Model has it,
        which several threads may call.

    Raises:
        ValueError: there is no such engine.
    """
    if engine not in ("fastest", "keras"):
        raise ValueError(f"engine: got {engine!r}, expected fastest or keras.")
    from helpers.models.bundle import load_bundle

    model, bundle = load_bundle(folder)
    return _KerasEngine(model, bundle), bundle


class _KerasEngine:
    name = "keras"

    def __init__(self, model, bundle):
        from helpers.models.build import any_size_twin
        from helpers.models.known import ANY_SIZE

        self._model, self._lock, self._shape = model, threading.Lock(), tuple(bundle["input_shape"])
        any_size = bundle["architecture"] in ANY_SIZE
        self._twin = any_size_twin(model, bundle["architecture"], bundle["arguments"]) if any_size else model

    def predict_on_batch(self, batch):
        model = self._model if batch.shape[1:3] == self._shape else self._twin
        with self._lock:
            return model.predict_on_batch(batch)
