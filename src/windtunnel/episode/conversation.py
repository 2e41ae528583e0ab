"""An episode without its model: given answers, everything that follows from them.

No I/O and no clock, so that a journalled answer and a fresh one go through the same code and
give the same turn.
"""

from __future__ import annotations

from windtunnel.domain.calls import Answer, Message, Reply, Request
from windtunnel.domain.episodes import Ending, Turn
from windtunnel.domain.tasks import Execution, Task
from windtunnel.domain.trials import Trial
from windtunnel.episode import observations
from windtunnel.episode.calls import Call
from windtunnel.episode.native import as_text, native_call, recognise_native
from windtunnel.episode.recognise import Recognition, recognise
from windtunnel.episode.tags import without_thoughts
from windtunnel.episode.tools import catalogue_vocabulary, function_schemas, specification
from windtunnel.suite.environment import Environment
from windtunnel.suite.prompts import opening
from windtunnel.suite.search import search

FAILURES_IN_A_ROW = 5
REPEATED_SUCCESSES = 5
EMPTY = "(empty message)"


class Conversation:
    """The messages, the environment and the turns of one episode.

    A turn that executes n calls uses max(1, n) of the turn budget; calls beyond it, or after the
    episode has ended, are not executed.
    """

    def __init__(self, trial: Trial, task: Task) -> None:
        self.trial = trial
        self.task = task
        self.turns: list[Turn] = []
        self.ending: Ending | None = None
        self._environment = Environment(task, trial.condition, trial.weather_seed)
        self._messages = list(opening(task, trial.condition))
        self._native = trial.condition.protocol == "native"
        self._spent = 0
        self._vocabulary = catalogue_vocabulary()
        self._executions: list[Execution] = []

    def request(self) -> Request:
        """The next model call."""
        return Request(
            trial_id=self.trial.trial_id,
            turn=len(self.turns),
            model=self.trial.model,
            messages=tuple(self._messages),
            tools=function_schemas() if self._native else (),
            seed=self.trial.sampling_seed,
        )

    def take(self, answer: Answer) -> Turn:
        """Act on an answer: recognise, execute, observe, and see whether the episode ends."""
        reply = answer.reply
        read = self._recognise(reply)
        before = len(self._executions)
        told = [self._call(call) for call in read.calls]
        executions = tuple(self._executions[before:])
        self._spent += max(1, len(executions))
        understood = bool(executions or read.queries or read.questions) or read.action == "done"
        self._see_ending(read)
        observation = () if self.ending else self._observe(reply, read, told, understood=understood)
        turn = Turn(
            index=len(self.turns),
            answer=answer,
            action=read.action if understood else "none",
            executions=executions,
            observation=observation,
            query=read.queries[0] if read.queries else "",
            format_repairs=read.repairs,
            format_error=not understood,
        )
        self.turns.append(turn)
        self._messages += (_said(reply, native=self._native), *observation)
        return turn

    def _recognise(self, reply: Reply) -> Recognition:
        if self._native:
            return recognise_native(reply, self._vocabulary)
        if not reply.tool_calls:
            return recognise(reply.text, self._vocabulary)
        calls = tuple(native_call(call, self._vocabulary) for call in reply.tool_calls)
        return Recognition(action="call", calls=calls, repairs=len(calls))

    def _call(self, call: Call) -> str:
        """Execute one call, if the episode still runs, and say what came of it."""
        if self._is_over():
            return "Not executed: the episode had ended."
        if call.is_placeholder:
            return observations.UNREADABLE
        if not call.name and call.call_id and call.written in {"tool_search", "tool_info"}:
            text = next((v for v in call.arguments.values() if isinstance(v, str)), "")
            return self._found(text) if call.written == "tool_search" else self._described(text)
        if not call.name or call.problem:
            execution = _refused(call)
            value = None
        else:
            execution = self._environment.call(call.name, call.arguments)
            value = self._environment.value
        self._executions.append(execution)
        return observations.executed(execution, value)

    def _is_over(self) -> bool:
        budget = self.trial.condition.max_turns
        running = len(self._executions) - sum(len(turn.executions) for turn in self.turns)
        return self._spent + running >= budget or _stuck(self._executions) is not None

    def _see_ending(self, read: Recognition) -> None:
        if read.action == "done":
            self.ending = "done"
        elif stuck := _stuck(self._executions):
            self.ending = stuck
        elif self._spent >= self.trial.condition.max_turns:
            self.ending = "max_turns"

    def _observe(
        self, reply: Reply, read: Recognition, told: list[str], *, understood: bool
    ) -> tuple[Message, ...]:
        answers = [self._found(query) for query in read.queries]
        answers += [
            self._described(question.name or question.written) for question in read.questions
        ]
        if not understood and not told:
            answers.append(observations.NOT_UNDERSTOOD[self.trial.condition.protocol])
        if self._native and reply.tool_calls:
            pairs = zip(reply.tool_calls, told, strict=True)
            return tuple(Message("tool", text, tool_call_id=call.id) for call, text in pairs)
        return (Message("user", "\n\n".join([*told, *answers])),)

    def _found(self, query: str) -> str:
        return observations.found(query, search(query))

    def _described(self, name: str) -> str:
        resolved = self._vocabulary.resolve(name)
        if resolved.name:
            return observations.described(specification(resolved.name))
        return observations.unknown_tool(Call("", written=name, candidates=resolved.candidates))


def _refused(call: Call) -> Execution:
    """The execution of a call that cannot be carried out: no such tool, unreadable arguments."""
    problem = call.problem if call.name else observations.unknown_tool(call)
    return Execution(
        tool=call.name or call.written,
        arguments=call.arguments,
        ok=False,
        cause="arguments",
        error_code="INVALID_INPUT",
        message=problem,
        took_effect=False,
    )


def _stuck(executions: list[Execution]) -> Ending | None:
    """Five failures in a row, or the same successful call five times in a row."""
    last = executions[-FAILURES_IN_A_ROW:]
    if len(last) < FAILURES_IN_A_ROW:
        return None
    if not any(execution.ok for execution in last):
        return "failures"
    first = executions[-REPEATED_SUCCESSES]
    same = all(e.ok and e.tool == first.tool and e.arguments == first.arguments for e in last)
    return "repetition" if same else None


def _said(reply: Reply, *, native: bool) -> Message:
    """The model's message as it is shown back to it: without its thoughts, never empty."""
    text = without_thoughts(reply.text)[0].strip()
    if native and reply.tool_calls:
        return Message("assistant", text, tool_calls=reply.tool_calls)
    if reply.tool_calls:
        text = f"{text}\n{as_text(reply.tool_calls)}".strip()
    return Message("assistant", text or EMPTY)
