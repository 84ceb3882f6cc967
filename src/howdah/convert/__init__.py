"""Exports: labels of a commit, or of a folder, in the formats that the host's own converter writes.

`export` is called by the command line, from a page in the background, and on a pipeline's folders. Loading this
package loads neither the converter nor what it needs.
"""

from howdah.convert.destinations import Destination, ToCommit, ToFolder, ToZip
from howdah.convert.exporting import Options, Progress, Report, export, formats
from howdah.convert.labels import folders

__all__ = [
    "Destination",
    "Options",
    "Progress",
    "Report",
    "ToCommit",
    "ToFolder",
    "ToZip",
    "export",
    "folders",
    "formats",
]
