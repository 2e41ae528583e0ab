"""Why a reply ended, in OpenAI's words, however a service words it. Pure.

Read in services' references and in reports on them: Gemini (`FinishReason` of google-genai; its
OpenAI form writes "content_filter: SAFETY" and "function_call_filter: MALFORMED_FUNCTION_CALL"),
Zhipu (docs.z.ai: sensitive, network_error, model_context_window_exceeded), Mistral
(model_length), DeepSeek (insufficient_system_resource), OpenRouter (error), SGLang (abort),
Bedrock (guardrail_intervened). Anthropic's "refusal" is the model's own and stays as it is.
"""

from __future__ import annotations

from stormproof.domain.calls import FILTERED, LENGTH, MALFORMED

FULL = "model_context_window_exceeded"  # nothing more fits behind the prompt
# The server's doing: the reply is broken, and not the model's.
INTERRUPTED = frozenset({"error", "insufficient_system_resource", "network_error", "abort"})

_MEANINGS = {
    FILTERED: (
        "content_filter", "contentfilter", "content_filtered", "sensitive", "safety", "recitation",
        "prohibited_content", "blocklist", "spii", "guardrail_intervened",
    ),
    LENGTH: ("length", "max_tokens", "max_output_tokens", "model_length"),
    MALFORMED: ("malformed_function_call", "malformed_tool_call", "unexpected_tool_call"),
}  # fmt: skip
_WORDS = {word: meaning for meaning, words in _MEANINGS.items() for word in words}


def finish_reason(written: object) -> str:
    """The reason as everything else compares it; "" where none is given.

    Of a reason in two parts the second says more, and the first is known more often.
    """
    if not isinstance(written, str):
        return ""
    for part in reversed(written.lower().replace(":", " ").split()):
        if part in _WORDS:
            return _WORDS[part]
    return written
