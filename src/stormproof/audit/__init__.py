"""What older recordings, and our own results, can and cannot say of a model.

`recording_format` and `recording_import` take recordings in. `loose_reader`, `turn_signs` and
`evidence` read each episode again, with no code of the runner's; `verdicts` (by the columns and
thresholds of `measures`) and `findings` judge many, `folder_audit` a whole folder. `old_harness`
proves that recordings are read right.
"""

from stormproof.audit.findings import Finding
from stormproof.audit.folder_audit import Audit, audit, audit_folder, audit_of, audit_results
from stormproof.audit.old_harness import Recomputed, recompute, recompute_folder
from stormproof.audit.recording_import import Imported, import_files
from stormproof.audit.thresholds import FEWEST_EPISODES, MEASURES, TOLERATED, Measure
from stormproof.audit.verdicts import RULES, Judgement, Share

__all__ = [
    "FEWEST_EPISODES",
    "MEASURES",
    "RULES",
    "TOLERATED",
    "Audit",
    "Finding",
    "Imported",
    "Judgement",
    "Measure",
    "Recomputed",
    "Share",
    "audit",
    "audit_folder",
    "audit_of",
    "audit_results",
    "import_files",
    "recompute",
    "recompute_folder",
]
