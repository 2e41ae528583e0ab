"""What older recordings, and our own results, can and cannot say of a model.

`recording_format` and `recording_import` take recordings in; `evidence` reads each episode again,
`verdicts` (with every threshold) and `findings` judge many, `folder_audit` a whole folder.
`old_harness` proves that recordings are read right.
"""

from stormproof.audit.findings import Finding
from stormproof.audit.folder_audit import Audit, audit, audit_folder, audit_of, audit_table
from stormproof.audit.old_harness import Recomputed, recompute, recompute_folder
from stormproof.audit.recording_import import Imported, import_files
from stormproof.audit.verdicts import FEWEST_EPISODES, RULES, TOLERATED, Judgement

__all__ = [
    "FEWEST_EPISODES",
    "RULES",
    "TOLERATED",
    "Audit",
    "Finding",
    "Imported",
    "Judgement",
    "Recomputed",
    "audit",
    "audit_folder",
    "audit_of",
    "audit_table",
    "import_files",
    "recompute",
    "recompute_folder",
]
