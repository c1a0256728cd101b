"""Steel defects: from photographs and run-length masks to trained models and a report.

The rooms, from the ground up: `rle` and `metrics` (NumPy alone), `data`, `models` (the only room that knows
TensorFlow), `inference`, `report`, and `cli` on top. `runs` and `series` carry a run from notebook to notebook.
"""

__version__ = "0.1.0"
