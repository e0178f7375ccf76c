"""Makes tests/corpus/generated.yml: inputs of the real systems, each made wrong in one way that its role rules out.

    .venv/bin/python -m tests.corpus.generate [seed] [number]

What a message has to say is taken from the specification, not from what is said today.
"""

from __future__ import annotations

import collections.abc as c
import random
import sys
import typing as t
from pathlib import Path

import yaml

from tests.support.paths import ROOT

GENERATED = Path(__file__).with_name("generated.yml")
SEED, NUMBER = 20261127, 220
ENVIRONMENTS = ("dev", "staging", "prod")
KINDS = {
    "bool": "true or false", "int": "a whole number", "float": "a number", "str": "text", "list": "a list",
    "dict": "a dictionary",
}  # fmt: skip
# For each type values that it cannot have, and how each is given.
WRONG: dict[str, list[tuple[t.Any, str]]] = {
    "bool": [("maybe", "text"), ([], "inventory"), (0.5, "json"), ({}, "file"), ("", "text")],
    "int": [("many", "text"), (True, "inventory"), ([7], "json"), (1.5, "file"), ("", "text"), ("7 days", "inventory")],
    "float": [("much", "text"), (True, "inventory"), ("nan", "text"), ([1], "file")],
    "str": [(["a"], "inventory"), ({"a": 1}, "json"), (True, "file")],
    "list": [({"a": 1}, "inventory"), (True, "json"), (7, "file"), ("[a", "text")],
    "dict": [(["a"], "inventory"), ("words", "text"), (7, "json"), (False, "file")],
}
Mutation = dict[str, t.Any]


def _load(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text())


def mutations(system: str) -> c.Iterator[Mutation]:
    """Every way to make an input of a system wrong."""
    given = _load(ROOT / "playbooks/group_vars" / f"{system}.yml")
    for role in given["system_roles"]:
        folder = ROOT / "roles/aws" / role
        options = _load(folder / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
        defaults = _load(folder / "defaults/main.yml")
        for key, spec in options.items():
            yield from _of_type(key, spec, defaults.get(key))
            yield from _of_name(key, options)
            yield from _of_parts(key, spec, given.get(key))


def _of_type(key: str, spec: dict[str, t.Any], default: t.Any) -> c.Iterator[Mutation]:
    kind = spec.get("type", "str")
    allowed = ", ".join(map(str, spec["choices"])) if spec.get("choices") else KINDS[kind]
    for value, way in WRONG[kind]:
        yield {"key": key, "value": value, "given": way, "says": [key, f"is not {_article(kind)}", allowed]}
    if default is not None:
        for way in ("inventory", "json", "file"):
            yield {"key": key, "value": None, "given": way, "says": [key, f"null is not {_article(kind)}", allowed]}
    if spec.get("choices") and kind == "str":
        says = [key, '"nonsense" is none of the choices', f"allowed: {allowed}"]
        yield {"key": key, "value": "nonsense", "given": "text", "says": says}
    if spec.get("choices") and kind == "int":
        says = [key, "-7 is none of the choices", f"allowed: {allowed}"]
        yield {"key": key, "value": -7, "given": "inventory", "says": says}


def _of_name(key: str, options: c.Container[str]) -> c.Iterator[Mutation]:
    misspelt = f"{key[:-2]}{key[-1]}{key[-2]}"
    if misspelt not in options and misspelt != key:
        yield {
            "key": misspelt,
            "value": 1,
            "given": "inventory",
            "says": [misspelt, "has no such input", "did you mean"],
        }


def _of_parts(key: str, spec: dict[str, t.Any], value: t.Any) -> c.Iterator[Mutation]:
    """A list of the system's own with one key of its first item made wrong."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict) and spec.get("options")):
        return
    first, rest = value[0], value[1:]
    for name, option in spec["options"].items():
        kind, path = option.get("type", "str"), f"{key}[0].{name}"
        allowed = ", ".join(map(str, option["choices"])) if option.get("choices") else KINDS[kind]
        for wrong in (None, WRONG[kind][1][0]):
            says = [path, f"is not {_article(kind)}", allowed]
            yield {"key": key, "value": [{**first, name: wrong}, *rest], "given": "inventory", "says": says}
        if option.get("required"):
            without = {part: each for part, each in first.items() if part != name}
            says = [path, "is missing", allowed]
            yield {"key": key, "value": [without, *rest], "given": "inventory", "says": says}
    says = [f"{key}[0].nonsense", "there is no such key", ", ".join(spec["options"])]
    yield {"key": key, "value": [{**first, "nonsense": 1}, *rest], "given": "inventory", "says": says}


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "int" else f"a {kind}"


def generate(seed: int, number: int) -> dict[str, t.Any]:
    """A sample of all of them: the environments differ, and no key has more than its share."""
    chance = random.Random(seed)  # noqa: S311 - to be the same each time
    chosen: dict[str, t.Any] = {"seed": seed, "number": number, "systems": {}}
    for system in ("transactions", "items"):
        every = list(mutations(system))
        chance.shuffle(every)
        for place, mutation in enumerate(every[: number // 2]):
            host = f"{system}-{ENVIRONMENTS[place % len(ENVIRONMENTS)]}"
            chosen["systems"].setdefault(host, []).append(mutation)
    return chosen


def text_of(corpus: dict[str, t.Any]) -> str:
    """The corpus as it is written down."""
    head = "---\n# Made by tests/corpus/generate.py; not to be edited.\n"
    return head + yaml.dump(corpus, Dumper=_Indented, sort_keys=False, width=110, allow_unicode=True)


class _Indented(yaml.SafeDumper):
    """Indents lists as yamllint wants them, and writes nothing as an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: t.Any) -> bool:  # noqa: ARG002 - PyYAML's
        return True


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    GENERATED.write_text(text_of(generate(*(arguments or [SEED, NUMBER]))))
