"""Measures beside what chance gives them: permutations, intervals, corrected values."""

from simgeo.calibration._calibrate import DEFAULT as DEFAULT
from simgeo.calibration._calibrate import Calibration as Calibration
from simgeo.calibration._calibrate import calibrate as calibrate
from simgeo.calibration._dissimilarities import embedded as embedded
