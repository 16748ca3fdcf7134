"""Where data comes from: files of any format that Polars scans, frames in memory, or a source of the domain's own."""

from quality.sources.files import Files, as_source
from quality.sources.frames import as_frame
from quality.sources.parses import Parses
from quality.sources.source import Reading, Source, domain_sources, reading

__all__ = ["Files", "Parses", "Reading", "Source", "as_frame", "as_source", "domain_sources", "reading"]
