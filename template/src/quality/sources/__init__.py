"""Where data comes from: files of any format that Polars scans, frames in memory, or a source of the domain's own."""

from quality.sources.files import Files, as_source
from quality.sources.frames import as_frame
from quality.sources.parses import Parses
from quality.sources.source import Looked, Reading, Source, digest, domain_sources, reading
from quality.sources.sql import Sql
from quality.sources.table import Table

__all__ = [
    "Files",
    "Looked",
    "Parses",
    "Reading",
    "Source",
    "Sql",
    "Table",
    "as_frame",
    "as_source",
    "digest",
    "domain_sources",
    "reading",
]
