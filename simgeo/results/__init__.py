"""What is kept of a run: labelled arrays in one file, under the run's fingerprint."""

from simgeo.results._files import PACKAGES as PACKAGES
from simgeo.results._files import DamagedFileError as DamagedFileError
from simgeo.results._files import SchemaError as SchemaError
from simgeo.results._files import UnreadableFileError as UnreadableFileError
from simgeo.results._files import dataset as dataset
from simgeo.results._files import find as find
from simgeo.results._files import load as load
from simgeo.results._files import save as save
from simgeo.results._files import write as write
from simgeo.results._frames import columns as columns
from simgeo.results._frames import final as final
from simgeo.results._frames import frame as frame
from simgeo.results._frames import summary_frame as summary_frame
from simgeo.results._index import index as index
from simgeo.results._index import is_indexed as is_indexed
from simgeo.results._paths import paths as paths
from simgeo.results._store import Store as Store
from simgeo.results._store import open as open
from simgeo.results._where import column as column
from simgeo.results._where import rows as rows
