"""What a message tells has a source, and the plan names it."""

from tests.unit.suites.workflows.tasks.test_generate import one_of_each


def test_who_is_told_of_a_receipt_or_a_double_is_told_what_was_looked_at() -> None:
    told = [s for t in one_of_each("hard") for s in t.solution if s.tool == "utility_notifier"]
    receipts = [step for step in told if step.arguments["message"].startswith("R-")]
    assert receipts
    assert all(step.reads.endswith("/receipts") for step in receipts)
    reports = [step for step in told if step.reads == "a report of what is wrong"]
    assert len(reports) > len(receipts)
