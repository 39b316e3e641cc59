"""Descriptions of frozen modules: plain data, TOML files and fingerprints.

A module is a dataclass, as every `eqx.Module` is. Its description is built from
nothing but numbers, strings, booleans, None, lists and dictionaries, and `build` turns
it into an equal module through the constructors, so that every check runs again.
"""

from simgeo.settings._build import build as build
from simgeo.settings._build import build_setting as build_setting
from simgeo.settings._build import complete as complete
from simgeo.settings._build import kind_of as kind_of
from simgeo.settings._describe import SCHEMA as SCHEMA
from simgeo.settings._describe import describe as describe
from simgeo.settings._describe import digest as digest
from simgeo.settings._describe import fingerprint as fingerprint
from simgeo.settings._describe import homes as homes
from simgeo.settings._describe import source_of as source_of
from simgeo.settings._kinds import find_kind as find_kind
from simgeo.settings._kinds import kinds as kinds
from simgeo.settings._kinds import places as places
from simgeo.settings._kinds import suggest as suggest
from simgeo.settings._kinds import suggest_kind as suggest_kind
from simgeo.settings._schema import json_schema as json_schema
from simgeo.settings._shared import shared as shared
from simgeo.settings._shared import sharing as sharing
from simgeo.settings._toml import dump as dump
from simgeo.settings._toml import load as load
from simgeo.settings._toml import read as read
from simgeo.settings._types import KIND as KIND
from simgeo.settings._types import Description as Description
from simgeo.settings._types import Field as Field
from simgeo.settings._types import fields as fields
