"""A results folder for other tools: flat files of its episodes, and logs that Inspect reads."""

from stormproof.export.flat_files import write_csv, write_jsonl
from stormproof.export.inspect_logs import write_inspect_logs

__all__ = ["write_csv", "write_inspect_logs", "write_jsonl"]
