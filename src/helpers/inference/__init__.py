"""From a model to masks at the image's own size, their scores, and a submission. Loads no TensorFlow by itself."""
