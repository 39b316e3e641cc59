"""Linear algebra that is safe to differentiate and that runs on every device.

Nothing here calls LAPACK: on several CPU devices, above all in a loop, batched calls
deadlock, and they slow down by orders of magnitude when other work shares the cores
(seen with JAX 0.10). Matrix products do neither.
"""

from simgeo.linalg._elementary import AxisName as AxisName
from simgeo.linalg._elementary import apportion as apportion
from simgeo.linalg._elementary import centre as centre
from simgeo.linalg._elementary import centre_and_peaks as centre_and_peaks
from simgeo.linalg._elementary import cosines as cosines
from simgeo.linalg._elementary import gram as gram
from simgeo.linalg._elementary import in_full_precision as in_full_precision
from simgeo.linalg._elementary import masked_median as masked_median
from simgeo.linalg._elementary import num_rows as num_rows
from simgeo.linalg._elementary import of_size_one as of_size_one
from simgeo.linalg._elementary import over_power_of_two as over_power_of_two
from simgeo.linalg._elementary import peaks as peaks
from simgeo.linalg._elementary import safe_divide as safe_divide
from simgeo.linalg._elementary import safe_sqrt as safe_sqrt
from simgeo.linalg._elementary import squared_distances as squared_distances
from simgeo.linalg._elementary import squared_norm as squared_norm
from simgeo.linalg._elementary import sum_entries as sum_entries
from simgeo.linalg._elementary import total as total
from simgeo.linalg._elementary import unit_rows as unit_rows
from simgeo.linalg._factors import isometry as isometry
from simgeo.linalg._factors import least_squares_error as least_squares_error
from simgeo.linalg._factors import nuclear_norm as nuclear_norm
from simgeo.linalg._factors import orthonormal as orthonormal
from simgeo.linalg._factors import ridge_solution as ridge_solution
from simgeo.linalg._factors import root_fidelity as root_fidelity
from simgeo.linalg._factors import whitening as whitening
from simgeo.linalg._inputs import Vectors as Vectors
from simgeo.linalg._inputs import all_finite as all_finite
from simgeo.linalg._inputs import as_matrices as as_matrices
from simgeo.linalg._inputs import as_matrix as as_matrix
from simgeo.linalg._inputs import as_wide as as_wide
from simgeo.linalg._polar import polar_factor as polar_factor
