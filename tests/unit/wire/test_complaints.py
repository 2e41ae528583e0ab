from __future__ import annotations

from typing import Any

import pytest

from stormproof.wire.complaints import LONGEST_TEXT, Complaint, complaint_in


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (
            {"error": {"message": "No.", "type": "T", "code": "C"}},
            Complaint("No.", ("c", "t")),
        ),
        ({"error": "No.", "code": 429}, Complaint("No.", ("429",))),
        ({"detail": "No."}, Complaint("No.")),
        (
            [{"error": {"message": "No.", "status": "UNAVAILABLE"}}],
            Complaint("No.", ("unavailable",)),
        ),
        ({"error": {"msg": "No.", "innererror": {"code": "Inner"}}}, Complaint("No.", ("inner",))),
        ("No.", Complaint("No.")),
        (
            {"error": {"message": "No.", "details": [{}, {"violations": [{"quotaId": "PerDay"}]}]}},
            Complaint("No.", ("perday",)),
        ),
        (
            {"error": {"message": "No.", "metadata": {"headers": {"X-RateLimit-Reset": "9"}}}},
            Complaint("No.", reset="9"),
        ),
        ({"choices": [], "message": "not an error"}, Complaint()),
        (None, Complaint()),
    ],
)
def test_the_error_object_in_its_forms(value: Any, complaint: Complaint) -> None:
    assert complaint_in(value) == complaint


def test_what_is_no_text_is_read_in_bounds() -> None:
    assert len(complaint_in({"error": {"message": ["x" * 9_999]}}).text) == LONGEST_TEXT


@pytest.mark.parametrize(
    ("complaint", "meaning"),
    [
        (Complaint(codes=("arrearage",)), "exhausted"),
        (Complaint(codes=("insufficient_quota",)), "quota"),
        (Complaint("Your credit balance is too low"), "exhausted"),
        (Complaint(codes=("model_not_found",)), "unusable"),
        (Complaint("API key not valid."), "unusable"),
        (Complaint("Please slow down"), "asks_to_slow_down"),
        (Complaint("on tokens per minute (TPM)"), "names_a_rate"),
        (Complaint("Rate limit exceeded: free-models-per-day"), "of_a_day"),
        (Complaint("Rate limit of 50 per 86400s exceeded for UserByModelByDay."), "of_a_day"),
        (Complaint("You have exceeded your daily limit"), "of_a_day"),
        (Complaint(codes=("generaterequestsperdayperprojectpermodel-freetier",)), "of_a_day"),
        (Complaint("prompt is too long: 9 tokens > 8 maximum"), "overlong"),
        (Complaint(codes=("content_filter",)), "filtered"),
        (Complaint(codes=("tool_use_failed",)), "malformed_call"),
    ],
)
def test_a_complaint_means_one_thing(complaint: Complaint, meaning: str) -> None:
    meanings = (
        "exhausted", "quota", "of_a_day", "unusable", "asks_to_slow_down", "names_a_rate",
        "overlong", "filtered", "malformed_call",
    )  # fmt: skip
    assert [name for name in meanings if getattr(complaint, name)] == [meaning]
