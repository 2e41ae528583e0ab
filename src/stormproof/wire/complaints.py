"""What a provider says when it gives no reply: the error object in its many forms. Pure.

What a complaint means is read from its codes, which outrank the status (gateways send them under
400, 402, 403, 429 and 500 alike), and from its text, since proxies put the codes of others there.
The words were taken from the services' references and from public reports of their answers:
OpenAI, Azure OpenAI, Anthropic, Gemini, DeepSeek, Mistral, Groq, Moonshot, xAI, Zhipu, MiniMax,
Volcengine, Alibaba (help.aliyun.com/en/model-studio/error-code), OpenRouter (403 with
`metadata.flagged_input`), vLLM, SGLang, TGI, llama.cpp (`exceed_context_size_error`), Ollama,
one-api (`insufficient_user_quota`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

LONGEST_REASON = 300  # characters that are told
LONGEST_TEXT = 4_000  # characters that are looked at: patterns are never let loose on more
LONGEST_CODE = 100

_EXHAUSTED = frozenset(
    {
        "billing_hard_limit_reached",
        "billing_not_active",
        "insufficient_balance",
        "insufficient balance",
        "insufficient_user_quota",
        "arrearage",
        "allocationquota.freetieronly",
        "1113",  # Zhipu
        "1008",  # MiniMax
    }
)
# Never "plan and billing details": OpenAI says that of an empty wallet, Alibaba and Gemini say it
# of a limit per minute.
_EXHAUSTED_TEXT = re.compile(
    r"(?:credit|account|insufficient) balance|balance (?:is )?(?:too low|insufficient|not enough)"
    r"|insufficient (?:credits|funds)|arrear|in good standing|(?:billing )?hard limit"
    r"|overdue|free tier of the model has been exhausted|余额|欠费",
    re.IGNORECASE,
)
_QUOTA = frozenset({"insufficient_quota", "exceeded_current_quota_error", "quota_exceeded"})
_UNUSABLE = frozenset(
    {
        "model_not_found",
        "deploymentnotfound",
        "invalid_api_key",
        "operationnotsupported",
        "api_key_invalid",
        "no_db_connection",  # how the litellm proxy says that it does not know a key
    }
)
_UNUSABLE_TEXT = re.compile(r"api key not valid|invalid model name", re.IGNORECASE)
_OVERLONG = frozenset(
    {
        "context_length_exceeded",
        "exceed_context_size_error",
        "model_max_prompt_tokens_exceeded",
        "1261",  # Zhipu
    }
)
_OVERLONG_TEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum (?:context|prompt) length"
    r"|(?:prompt|input) is too long|prompt too long|prompt exceeds max length"
    r"|exceeds? (?:the |max(?:imum)? )*(?:available |configured )?context"
    r"|exceeded model token limit|context window exceeds|configured context size"
    r"|input token count.{0,60}exceed|range of input length should be"
    r"|(?:longer|greater) than the (?:model's |maximum )*(?:context|model) length"
    r"|tokens \+ `?max_new_tokens`? must be <=|`?inputs`? must have less than \d+ tokens"
    r"|too many tokens: total number|reduce the length of the messages",
    re.IGNORECASE,
)
_FILTERED = frozenset(
    {
        "content_filter",
        "responsibleaipolicyviolation",
        "content_policy_violation",
        "invalid_prompt",
        "data_inspection_failed",
        "datainspectionfailed",
        "sensitivecontentdetected",
        "inputtextsensitivecontentdetected",
        "outputtextsensitivecontentdetected",
        "prohibited_content",
        "1301",  # Zhipu
        "1026",  # MiniMax, of a prompt
        "1027",  # MiniMax, of a reply
        "flagged",
    }
)
_FILTERED_TEXT = re.compile(
    r"content management policy|responsibleaipolicyviolation|data_?inspection_?failed"
    r"|inappropriate content|(?:input|prompt|request|content) (?:was|has been|is) flagged"
    r"|flagged as (?:potentially )?violating|considered high risk|不安全或敏感内容"
    r"|sensitive content|blocked by (?:the |our )?(?:content|safety) (?:filter|polic)",
    re.IGNORECASE,
)
# "Per day" of a rate that is refilled all day long, too: its next request is allowed soon.
_OF_A_DAY = re.compile(r"per[ _-]?day|\b[RT]PD\b|\bdaily\b|per 86400 ?s|byday\b", re.IGNORECASE)
_PER_TIME = re.compile(r"(?:tokens|requests) per (?:min|day|hour)|\bTP[MD]\b|\bRP[MD]\b")
_MALFORMED = frozenset({"tool_use_failed", "output_parse_failed"})  # Groq


class Complaint(Struct, frozen=True):
    """A provider's error in its own words: `text` for people, and codes in lower case.

    `generated` is what the model said where the complaint is about that. `reset` is the text of an
    X-RateLimit-Reset that the error repeats.
    """

    text: str = ""
    codes: tuple[str, ...] = ()
    generated: str = ""
    reset: str = ""

    @property
    def exhausted(self) -> bool:
        """Whether it means a quota that waiting does not refill."""
        return self._means(_EXHAUSTED, _EXHAUSTED_TEXT)

    @property
    def quota(self) -> bool:
        """Whether it may mean such a quota, and may mean a limit that passes."""
        return not _QUOTA.isdisjoint(self.codes)

    @property
    def of_a_day(self) -> bool:
        """Whether it names a quota of a day."""
        return bool(_OF_A_DAY.search(" ".join((self.text, *self.codes))))

    @property
    def asks_to_slow_down(self) -> bool:
        """Whether a 503 means our rate rather than its own trouble."""
        return "slow_down" in self.codes or "slow down" in self.text.lower()

    @property
    def names_a_rate(self) -> bool:
        """Whether a request is too large for a limit per minute, not for the model."""
        return "rate_limit_exceeded" in self.codes or bool(_PER_TIME.search(self.text))

    @property
    def unusable(self) -> bool:
        """Whether it means the endpoint, though it comes as a bad request."""
        return self._means(_UNUSABLE, _UNUSABLE_TEXT)

    @property
    def overlong(self) -> bool:
        """Whether the conversation does not fit the context window."""
        return self._means(_OVERLONG, _OVERLONG_TEXT)

    @property
    def filtered(self) -> bool:
        """Whether a filter found something in the prompt or in the reply."""
        return self._means(_FILTERED, _FILTERED_TEXT)

    @property
    def malformed_call(self) -> bool:
        """Whether it is about a tool call that the service could not read."""
        return not _MALFORMED.isdisjoint(self.codes)

    def _means(self, codes: frozenset[str], text: re.Pattern[str]) -> bool:
        return not codes.isdisjoint(self.codes) or bool(text.search(self.text))


def complaint_in(value: Any) -> Complaint:
    """The error object in its many forms: OpenAI's, a bare string, FastAPI's, Gemini's list."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Complaint(str(value)[:LONGEST_REASON] if isinstance(value, str) else "")
    error = value.get("error")
    if isinstance(error, str):
        error = {"message": error, "code": value.get("code")}
    if not isinstance(error, dict):
        error = _without_error(value)
    text = next((error[k] for k in ("message", "detail", "msg") if error.get(k)), "")
    text = text if isinstance(text, str) else repr(text)
    metadata = _part(error, "metadata")
    if isinstance(upstream := metadata.get("raw"), str):
        text = f"{text}: {upstream}"  # OpenRouter, of the provider behind it
    generated = error.get("failed_generation")
    return Complaint(
        text[:LONGEST_TEXT],
        tuple(_codes(error)),
        generated if isinstance(generated, str) else json.dumps(generated) if generated else "",
        str(_part(metadata, "headers").get("X-RateLimit-Reset", "")),  # OpenRouter
    )


def _without_error(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The error object of a body that has none of that name."""
    feedback = _part(value, "promptFeedback") or _part(value, "prompt_feedback")
    reason = feedback.get("blockReason") or feedback.get("block_reason")
    if reason:  # Gemini
        return {"message": f"the prompt was blocked ({reason})", "code": "content_filter"}
    if base := _part(value, "base_resp"):  # MiniMax
        return {"message": base.get("status_msg"), "code": base.get("status_code")}
    return value if "choices" not in value else {}


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    found = [error.get(k) for k in ("code", "type", "status")]
    found.append(_part(error, "innererror").get("code"))
    if "flagged_input" in _part(error, "metadata"):
        found.append("flagged")
    found += _spent_quotas(error)
    return (str(code)[:LONGEST_CODE].lower() for code in found if isinstance(code, str | int))


def _spent_quotas(error: Mapping[str, Any]) -> Iterator[object]:
    """Gemini's names of quotas that are used up, as "GenerateRequestsPerDayPerProjectPerModel"."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        violations = detail.get("violations") if isinstance(detail, dict) else None
        for violation in violations if isinstance(violations, list) else []:
            yield violation.get("quotaId") if isinstance(violation, dict) else None


def _part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = value.get(name)
    return part if isinstance(part, dict) else {}
