"""An episode without its model: given answers, everything that follows from them.

No I/O and no clock, so that a journalled answer and a fresh one go through the same code and
give the same turn.
"""

from __future__ import annotations

import msgspec

from stormproof.domain.calls import FILTERED, MALFORMED, Answer, Message, Reply, Request
from stormproof.domain.conditions import Protocol
from stormproof.domain.episodes import Action, Ending, Turn
from stormproof.domain.tasks import Execution, Task
from stormproof.domain.trials import Trial
from stormproof.episode import observations
from stormproof.episode.endings import ending_of, stuck
from stormproof.episode.native import as_text, each_once, function_schemas, repeatable
from stormproof.episode.recognise import LONGEST_QUERY, Recognition
from stormproof.episode.reply_reading import answer_in, read_reply
from stormproof.episode.tags import without_thoughts
from stormproof.episode.tool_calls import MOST_CALLS, RecognisedCall
from stormproof.episode.tool_names import LONGEST_NAME, catalogue_vocabulary
from stormproof.suites import Weathered
from stormproof.suites.workflows import WORKFLOWS

EMPTY = "(empty message)"
# Characters of all replies of an episode; no model's context window is as large.
LARGEST = 4_000_000
SEED_BITS = 31  # of a sampling seed are sent: what every service takes


class GivenUp(Exception):
    """Ends a `take` that nobody waits for."""


class Conversation:
    """The messages, the environment and the turns of one episode.

    A turn that executes n tool calls uses max(1, n) of the turn budget; those beyond it, or after
    the episode has ended, are not executed.
    """

    def __init__(self, trial: Trial, task: Task) -> None:
        self.trial = trial
        self.task = task
        # All that were taken, in order: turns[i].index == i. `take` and `keep` alone append.
        self.turns: list[Turn] = []
        # None while the next request may be sent. Set once, by the turn that ends the episode,
        # which is the only one without an observation.
        self.ending: Ending | None = None
        # All that tool calls changed; only `_carry_out` touches it.
        self._environment = Weathered(WORKFLOWS, task, trial.condition, trial.weather_seed)
        # What the model has been shown and has said; it grows by each turn's message and
        # observation, so that a prefix of it is what each earlier request held.
        self._messages = list(WORKFLOWS.opening(task, trial.condition))
        self._protocol = trial.condition.protocol
        # The native protocol's list, else none. Never changes.
        self._tools = function_schemas() if self._protocol == "native" else ()
        self._max_turns = WORKFLOWS.turn_budget(task, trial.condition)
        # Turn budget used: max(1, executions) summed over `turns`; at most max_turns.
        self._spent = 0
        self._vocabulary = catalogue_vocabulary()
        # Of all turns, in order. The first `_settled` are of the turns in `turns`, the rest of
        # the one being taken; between two turns all are settled.
        self._executions: list[Execution] = []
        self._settled = 0
        # Characters of all replies in `turns`.
        self._size = 0
        # Set once, by `give_up`, perhaps while another thread is in `take`.
        self._given_up = False

    def request(self) -> Request:
        """The next model call."""
        return Request(
            trial_id=self.trial.trial_id,
            turn=len(self.turns),
            model=self.trial.model,
            messages=tuple(self._messages),
            tools=self._tools,
            seed=self.trial.sampling_seed % 2**SEED_BITS,
            protocol=self._protocol,
        )

    def take(self, answer: Answer) -> Turn:
        """Act on an answer: recognise, execute, observe, and see whether the episode ends.

        Of what a provider's filter has ended nobody knows what it would have been: it ends there.
        """
        if answer.reply.finish_reason == FILTERED:
            self.ending = "blocked"
            return self.keep(answer)
        reply, beyond = answer.reply, 0
        if written := reply.tool_calls:
            beyond = len(written[MOST_CALLS:])
            calls = each_once(written[:MOST_CALLS], len(self.turns))
            reply = msgspec.structs.replace(reply, tool_calls=calls)
        read = read_reply(reply, self._vocabulary, self._protocol)
        results = self._act(read.tool_calls)
        executions = tuple(self._executions[self._settled :])
        self._settled = len(self._executions)
        self._spent += max(1, len(executions))
        action = _action(read, executions)
        # The service itself says of a malformed call that it is the model's.
        unread = 0 if reply.finish_reason == MALFORMED else read.unread + beyond
        self._size += size_of(answer.reply)
        self.ending = ending_of(action, self._executions, self._spent, self._max_turns)
        if self._size > LARGEST and self.ending is None:
            self.ending = "context_window"
        observation = () if self.ending else self._observe(reply, read, results)
        turn = Turn(
            index=len(self.turns),
            answer=answer,
            action=action,
            executions=executions,
            observation=observation,
            query=read.queries[0] if read.queries else "",
            format_repairs=read.repairs,
            format_error=action == "none" and not unread,
            unread=unread,
        )
        self.turns.append(turn)
        said = _said(reply, read, self._protocol, answer.endpoint_id)
        self._messages += (said, *observation)
        return turn

    def keep(self, answer: Answer) -> Turn:
        """Take an answer on which nothing can be done; the episode ends with it."""
        turn = Turn(index=len(self.turns), answer=answer, action="none")
        self.turns.append(turn)
        return turn

    def give_up(self) -> None:
        """Whoever asked for a turn wants it no more: a `take` under way in a thread ends soon."""
        self._given_up = True

    def _act(self, calls: tuple[RecognisedCall, ...]) -> list[str]:
        """Execute the tool calls, as long as the episode runs, and say what came of each."""
        results: list[str] = []
        for call in calls:
            ran = len(self._executions) - self._settled  # at 0 the turn before has been judged
            if self._given_up:
                raise GivenUp
            if ran and (self._spent + ran >= self._max_turns or stuck(self._executions)):
                break
            results.append(self._carry_out(call))
        return results

    def _carry_out(self, call: RecognisedCall) -> str:
        if call.is_placeholder:
            return observations.UNREADABLE
        if call.asks_for:
            text = next((v for v in call.arguments.values() if isinstance(v, str)), "")
            return self._found(text) if call.asks_for == "search" else self._described(text)
        if not call.name or call.problem:
            execution = _refused(call)
            value = None
        else:
            execution = self._environment.call(call.name, call.arguments)
            value = self._environment.value
        self._executions.append(execution)
        return observations.executed(execution, value)

    def _observe(self, reply: Reply, read: Recognition, results: list[str]) -> tuple[Message, ...]:
        if self._protocol == "native" and reply.tool_calls:
            pairs = zip(reply.tool_calls, results, strict=True)
            return tuple(Message("tool", text, tool_call_id=call.id) for call, text in pairs)
        found = [self._found(query) for query in read.queries]
        described = [self._described(asked.name or asked.written) for asked in read.questions]
        texts = [*results, *found, *described]
        reminder = observations.NOT_UNDERSTOOD[self._protocol]
        return (Message("user", "\n\n".join(texts) or reminder),)

    def _found(self, query: str) -> str:
        query = query[:LONGEST_QUERY]
        return observations.found(query, WORKFLOWS.search(query))

    def _described(self, name: str) -> str:
        name = name[:LONGEST_NAME]
        resolved = self._vocabulary.resolve(name)
        if resolved.name:
            return observations.described(WORKFLOWS.tools[resolved.name])
        return observations.unknown_tool(
            RecognisedCall("", written=name, candidates=resolved.candidates)
        )


def size_of(reply: Reply) -> int:
    """Characters that a reply takes, about."""
    calls = sum(len(call.id) + len(call.name) + len(call.arguments) for call in reply.tool_calls)
    carried = len(msgspec.json.encode(reply.carried)) if reply.carried else 0
    return len(reply.text) + len(reply.reasoning) + len(reply.raw) + calls + carried


def _action(read: Recognition, executions: tuple[Execution, ...]) -> Action:
    """The chief part of what was done about a message; "none" where nothing was understood."""
    if executions:
        return "call"
    asked = {call.asks_for for call in read.tool_calls}
    if read.queries or "search" in asked:
        return "search"
    if read.questions or "info" in asked:
        return "info"
    return "done" if read.action == "done" else "none"


def _refused(call: RecognisedCall) -> Execution:
    """The execution of a tool call that cannot be carried out: no such tool, no arguments."""
    problem = call.problem or observations.unknown_tool(call)
    return Execution(
        tool=call.name or call.written,
        arguments=call.arguments,
        ok=False,
        cause="arguments",
        error_code="INVALID_INPUT",
        message=problem,
        took_effect=False,
    )


def _said(reply: Reply, read: Recognition, protocol: Protocol, endpoint_id: str) -> Message:
    """The model's message as it is shown back to it: without its thoughts, never empty."""
    is_misplaced = read.action != "none" and not (reply.text.strip() or reply.tool_calls)
    text = without_thoughts(answer_in(reply.reasoning) if is_misplaced else reply.text)[0].strip()
    if protocol == "native":
        calls = repeatable(reply.tool_calls)
        said = text if calls else text or EMPTY
        return Message("assistant", said, calls, carried=reply.carried, said_by=endpoint_id)
    if reply.tool_calls:
        text = f"{text}\n{as_text(reply.tool_calls, protocol)}".strip()
    return Message("assistant", text or EMPTY)
