"""Archetypes of simple tasks: two or three required tools."""

from __future__ import annotations

from windtunnel.suite.tasks import steps
from windtunnel.suite.tasks.scene import Scene
from windtunnel.suite.tasks.wording import code


def convert_file(s: Scene) -> None:
    """The same records in another format."""
    form, wanted = s.rng.choice((("csv", "json"), ("json", "csv"), ("xml", "json"), ("xml", "csv")))
    path = s.table_file(form)
    target = s.target(s.subject.stem, wanted)
    steps.read(s, path)
    word = steps.form_of(target)
    s.do("file_operations_converter", f"convert it to {word}", to=wanted, makes=f"{word} text")
    steps.write(s, target, "the converted text")
    s.check("file", target, s.rows)
    s.say(
        (
            "{team} needs {source} as {word}, unchanged, in {target}.",
            "please turn {source} into {word} for {team}; nothing but the format may change, and "
            "the new file belongs in {target}.",
        ),
        (
            "the program that {team} bought reads nothing but {word}, and {why} depends on it. "
            "It will look for {source} at {target}, complete and unaltered.",
            "{team} cannot open the file with {source}: their program expects {word}, and takes it "
            "from {target}. Nothing may get lost on the way.",
        ),
        word=word,
        target=code(target),
    )


ARCHETYPES = (convert_file,)
