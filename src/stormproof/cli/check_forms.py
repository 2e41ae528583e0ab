"""The verdicts of a check as a line, JSON, JUnit XML and Markdown."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from stormproof.demands import Checked, Verdict
from stormproof.report.report_table import Column, ReportTable
from stormproof.report.results import SIMULATED_NOTE
from stormproof.report.text_forms import as_markdown

_ORDER = ("breached", "undecided", "holds")


def in_words(verdict: Verdict) -> str:
    """One line: whose, what was required, what was found."""
    return f"{_subject(verdict)}: {verdict.requirement}: {verdict.found}"


def as_data(found: Checked) -> dict[str, Any]:
    """All verdicts, and whether the folder passed, as JSON-ready data."""
    return msgspec.structs.asdict(found) | {"passed": not found.breaches}


def as_junit(found: Checked) -> bytes:
    """A test case for each requirement of each model or cell; breaches are failures."""
    name = "stormproof check" + (" (SIMULATED)" if found.simulated else "")
    counts = {"tests": f"{len(found.verdicts)}", "failures": f"{len(found.breaches)}"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": name, **counts})
    for verdict in found.verdicts:
        attributes = {"classname": _subject(verdict), "name": verdict.requirement}
        case = ET.SubElement(suite, "testcase", attributes)
        if verdict.status == "breached":
            ET.SubElement(case, "failure", {"message": verdict.found})
        else:
            ET.SubElement(case, "system-out").text = f"{verdict.status}: {verdict.found}"
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def as_summary(found: Checked) -> str:
    """A Markdown table, breaches first."""
    verdicts = sorted(found.verdicts, key=lambda verdict: _ORDER.index(verdict.status))
    rows = tuple((v.status, v.model, v.condition, v.requirement, v.found) for v in verdicts)
    columns = tuple(map(Column, ("status", "model", "condition", "required", "found")))
    failed = f"{len(found.breaches)} of {len(found.verdicts)} requirements breached"
    title = f"Stormproof check: {failed if found.breaches else 'passed'}"
    notes = (SIMULATED_NOTE,) if found.simulated else ()
    return as_markdown(ReportTable("check", title, columns, rows, notes)) + "\n"


def _subject(verdict: Verdict) -> str:
    return f"{verdict.model}, {verdict.condition}" if verdict.condition else verdict.model
