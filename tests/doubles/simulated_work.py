"""Episodes as a supply gives them, without a suite: so many calls, one after another."""

from __future__ import annotations

from stormproof.domain.calls import Answer, Message, Request
from stormproof.domain.conditions import Protocol
from stormproof.errors import CallError
from stormproof.pool import Ask, Job


class Work:
    """`count` episodes for each model, `m/0` to `m/{count - 1}`; remembers how each ended.

    What a call says is all that was answered before it.
    """

    def __init__(
        self,
        count: int,
        turns: int = 1,
        models: tuple[str, ...] = ("m",),
        protocol: Protocol = "text",
    ) -> None:
        self.turns = turns
        self.protocol = protocol
        self.numbers = {model: list(range(count)) for model in models}  # not begun, in order
        self.shards: dict[str, int | None] = {}  # for which each was begun
        self.said: dict[str, list[str]] = {}  # the answers of each that has ended, in full or not
        self.answers: list[Answer] = []
        self.errors: list[CallError] = []  # that ended one before its last turn

    @property
    def left(self) -> int:
        """Episodes that have not begun."""
        return sum(map(len, self.numbers.values()))

    @property
    def done(self) -> int:
        """Episodes that were answered in full."""
        return len(self.said) - len(self.errors)

    def take(self, model: str, shard: int | None) -> Job | None:
        if not self.numbers[model]:
            return None
        trial_id = f"{model}/{self.numbers[model].pop(0)}"
        self.shards[trial_id] = shard

        async def job(ask: Ask) -> None:
            said: list[str] = []
            try:
                for turn in range(self.turns):
                    messages = tuple(Message("user", text) for text in said)
                    request = Request(trial_id, turn, model, messages, protocol=self.protocol)
                    answer = await ask(request)
                    said.append(answer.reply.text)
                    self.answers.append(answer)
            except CallError as error:
                self.errors.append(error)
            assert trial_id not in self.said
            self.said[trial_id] = said

        return job

    def remaining(self, model: str) -> int:
        return len(self.numbers[model])
