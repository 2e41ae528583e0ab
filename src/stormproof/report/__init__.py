"""What a run says: tables, charts and one offline page, from a results folder."""

from stormproof.report.writing import FORMATS, Episodes, terminal_report, write_report

__all__ = ["FORMATS", "Episodes", "terminal_report", "write_report"]
