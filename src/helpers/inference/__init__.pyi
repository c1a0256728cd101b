from helpers.inference.detector import Detection as Detection
from helpers.inference.detector import Detector as Detector
