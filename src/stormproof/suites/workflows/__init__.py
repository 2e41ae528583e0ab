"""The built-in benchmark: tools that compute, tasks, goals, plans and flaws.

Everybody outside reaches it through `WORKFLOWS`, as they would any other suite.
"""

from stormproof.suites.workflows.suite import WORKFLOWS

__all__ = ["WORKFLOWS"]
