"""What older recordings, and our own results, can and cannot say of a model."""

from windtunnel.audit.auditing import (
    Audit,
    Recomputed,
    audit,
    audit_folder,
    audit_of,
    recompute,
    recompute_folder,
)
from windtunnel.audit.findings import Finding
from windtunnel.audit.groups import RULES, Group

__all__ = [
    "RULES",
    "Audit",
    "Finding",
    "Group",
    "Recomputed",
    "audit",
    "audit_folder",
    "audit_of",
    "recompute",
    "recompute_folder",
]
