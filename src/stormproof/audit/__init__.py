"""What older recordings, and our own results, can and cannot say of a model."""

from stormproof.audit.auditing import (
    Audit,
    Recomputed,
    audit,
    audit_folder,
    audit_of,
    audit_table,
    recompute,
    recompute_folder,
)
from stormproof.audit.findings import Finding
from stormproof.audit.groups import RULES, Group
from stormproof.audit.importing import Imported, import_files

__all__ = [
    "RULES",
    "Audit",
    "Finding",
    "Group",
    "Imported",
    "Recomputed",
    "audit",
    "audit_folder",
    "audit_of",
    "audit_table",
    "import_files",
    "recompute",
    "recompute_folder",
]
