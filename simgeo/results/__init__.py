"""What is kept of runs: labelled data sets in files, found by their fingerprints."""

from simgeo.results._convert import USUAL as USUAL
from simgeo.results._convert import Conversion as Conversion
from simgeo.results._convert import convert as convert
from simgeo.results._convert import kinds_of as kinds_of
from simgeo.results._index import index as index
from simgeo.results._opening import open as open
from simgeo.results._opening import verify as verify
from simgeo.results._opening import whole_parts as whole_parts
from simgeo.results._reading import DamagedFileError as DamagedFileError
from simgeo.results._reading import SchemaError as SchemaError
from simgeo.results._reading import UnreadableFileError as UnreadableFileError
from simgeo.results._reading import load as load
from simgeo.results._runs import find as find
from simgeo.results._runs import save as save
from simgeo.results._seed_files import Part as Part
from simgeo.results._seed_files import missing_seeds as missing_seeds
from simgeo.results._seed_files import part_of as part_of
from simgeo.results._seed_files import seeds_of as seeds_of
from simgeo.results._store import Store as Store
from simgeo.results._tidy import axis_label as axis_label
from simgeo.results._tidy import columns as columns
from simgeo.results._tidy import final as final
from simgeo.results._tidy import frame as frame
from simgeo.results._where import column as column
from simgeo.results._where import rows as rows
from simgeo.results._writing import write as write
