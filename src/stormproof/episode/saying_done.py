"""Whether a message says that its task is done.

A claim counts where a sentence states it of the task as a whole, unhedged ("once the task is
complete I will…" is no claim), and the message does not go on to announce another call.
"""

from __future__ import annotations

import re

_HEAD, _TAIL = 2_000, 4_000
_LONGEST_WORD = 60
_SENTENCE = re.compile(r"[^.!?\n]{1,600}")
_COMPLETED = (
    r"(?:complete[d]?|finished|done|concluded|fulfilled|accomplished|satisfied|over"
    r"|(?:successfully|fully|already) (?:been )?(?:executed|performed|processed|carried out))"
)
_WHOLE = (
    r"(?:task|workflow|pipeline|integration|process(?:ing)?|objectives?|goals?|requirements?"
    r"|request|everything|work|all(?: of)?(?: the)?"
    r"(?: \w+){0,4} (?:steps|tools|operations|tasks|stages|actions|parts|processes))"
)
_CLAIM = re.compile(
    r"\b(?:"  # once, before all of them: most places are no beginning of a word
    rf"{_WHOLE}\b[^.!?\n]{{0,120}}?\b(?P<end>{_COMPLETED})\b"
    rf"|(?P<a>{_COMPLETED}) (?:the|this|all|every)(?: \w+){{0,4}}? {_WHOLE}\b"
    r"|no (?:further|more|additional|other|remaining)(?: \w+){0,3}? "
    r"(?:actions?|steps?|tools?|calls?|executions?|operations?|work|processing)\b"
    r"|status\W{0,12}(?:complete|completed|finished|success|successful|done)\b"
    r"|completion of the (?:\w+ )?(?:task|workflow|pipeline)\b"
    r"|task[_ ]complete\b|marks? (?:this|the) (?:\w+ )?task as (?:complete|done|finished)"
    r"|i(?:'m| am) done\b"
    r")",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:not|n't|never|once|until|till|when|whenever|before|if|unless|will be|to be|should be"
    r"|would be|can be|could be|cannot|partially|incomplete|need(?:s|ed)? to|must|to complete"
    r"|to finish|whether|how|so that|ensure|assum(?:e|ing)|first|next"
    r"|previous|prior|preceding|earlier|so far)\b|n't\b|n\u2019t\b",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"\b(?:i(?:'ll| will| am going to|'m going to| need to)|let's|let me|we(?:'ll| will| need to)"
    r"|proceed(?:ing)? (?:to|with)|next,? (?:i|we|step|tool))\b[^.!?\n]{0,40}?"
    r"\b(?:execut|call|run|us(?:e|ing)\b|search|retry|try|invok|fetch|pars|validat|transform"
    r"|filter|proceed|analy[sz]|writ(?:e|ing)|read|post)",
    re.IGNORECASE,
)
_WORD_DONE = re.compile(
    r"\W*(?:i(?:'m| am) )?(?:(?:all|task|workflow|pipeline|mark|job)[_ -]?)?"
    r"(?:done|complete|completed|completion|finish|finished|final[_ ]answer|end)\W*",
    re.IGNORECASE,
)


def is_done_word(text: str) -> bool:
    """Whether the text is nothing but a word for being done, as a tag's content may be."""
    return len(text) <= _LONGEST_WORD and _WORD_DONE.fullmatch(text) is not None


def says_done(text: str) -> bool:
    """Whether the message claims that the task is done. Long messages: their head and tail."""
    if len(text) > _HEAD + _TAIL:
        text = text[:_HEAD] + "\n" + text[-_TAIL:]
    if is_done_word(text):
        return True
    sentences = _SENTENCE.findall(text)
    claims = [at for at, sentence in enumerate(sentences) if _claims(sentence)]
    if not claims:
        return False
    return not any(_ANNOUNCES.search(sentence) for sentence in sentences[claims[-1] + 1 :])


def _claims(sentence: str) -> bool:
    claim = _CLAIM.search(sentence)
    if claim is None:
        return False
    end = claim.end("end") if claim.group("end") else claim.end()
    return _HEDGE.search(sentence, 0, end) is None
