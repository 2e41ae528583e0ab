"""What older recordings, and our own results, can and cannot say of a model."""

from windtunnel.audit.auditing import (
    Audit,
    Recomputed,
    audit,
    audit_folder,
    audit_of,
    audit_table,
    recompute,
    recompute_folder,
)
from windtunnel.audit.findings import Finding
from windtunnel.audit.groups import RULES, Group
from windtunnel.audit.importing import Imported, import_files

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
