"""The dashboard: a web application for looking at a data set and at what a run makes of it. Loads no TensorFlow."""
