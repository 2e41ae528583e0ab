"""What a run says: tables, charts and one offline page, from a results folder."""

from stormproof.report.drawing import CHARTS_NEED, can_draw
from stormproof.report.writing import FORMATS, Episodes, terminal_report, write_report

__all__ = ["CHARTS_NEED", "FORMATS", "Episodes", "can_draw", "terminal_report", "write_report"]
