"""Batches, networks, losses, training and bundles: the only room that knows TensorFlow."""

import os

# TensorFlow reads these when it is first imported: no notes on processor features, and the Keras of the project.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("SM_FRAMEWORK", "tf.keras")
