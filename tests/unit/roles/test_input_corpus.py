"""Bad configurations of the real systems are refused offline, by key and by what is allowed; fair ones are taken.

tests/corpus holds them: by hand what AWS would refuse and what names nothing, generated what specifications rule out.
"""

from __future__ import annotations

import re
import typing as t

import yaml

from tests.corpus import generate
from tests.support import offline
from tests.support.paths import ROOT

CORPUS = ROOT / "tests/corpus"
# Where it was written, by how it was given. What looks up a name that is not there may stand in the playbooks.
PLACES = {
    "inventory": r"\S+/(host_vars|group_vars)/[\w-]+\.yml:\d+: ",
    "file": r"\S+/given\.yml:\d+: ",
    "text": "-e: ",
    "json": "-e: ",
}
# So many have to be there, each another one.
LEAST = 400


def read(name: str) -> list[dict[str, t.Any]]:
    """The entries of a file, each with its system."""
    content = yaml.safe_load((CORPUS / name).read_text())
    systems = content.get("systems", content)
    return [{"system": system, **entry} for system, entries in systems.items() for entry in entries]


def judged(entries: list[dict[str, t.Any]]) -> offline.Judgement:
    """What is said of each of them."""
    names = ("system", "key", "value")
    return offline.judge([
        t.cast("offline.Case", {**{name: entry[name] for name in names}, "given": entry.get("given", "inventory"),
                                "beside": entry.get("beside", {})})
        for entry in entries
    ])  # fmt: skip


BAD = [*read("by_hand.yml"), *read("generated.yml")]
FAIR = read("fair.yml")


def test_every_bad_configuration_is_refused_by_key_and_what_is_allowed_without_a_call() -> None:
    answer = judged(BAD)
    wrong = []
    for entry, lines in zip(BAD, answer.said, strict=True):
        given = f"{entry['system']}: {entry['key']}: {entry['value']!r} ({entry.get('given', 'inventory')})"
        matching = [line for line in lines if all(str(words) in line for words in entry["says"])]
        if not matching:
            wrong.append(f"{given}: no line says {entry['says']}: {lines}")
        elif any(
            words in line for line in lines for words in ("not supported between", "Error rendering", "Traceback")
        ):
            wrong.append(f"{given}: {lines}")
        elif not any(entry["key"] in line for line in matching):
            wrong.append(f"{given}: the key is not named: {lines}")
        elif not any(re.match(PLACES[entry.get("given", "inventory")], line) for line in matching):
            wrong.append(f"{given}: what the user wrote stands elsewhere: {lines}")
    assert wrong == [], "\n".join(wrong)
    assert answer.connections == 0


def test_what_looks_odd_and_is_fair_is_taken() -> None:
    answer = judged(FAIR)
    refused = [(entry, lines) for entry, lines in zip(FAIR, answer.said, strict=True) if lines]
    assert refused == []
    assert [entry["key"] for entry in FAIR if not entry["reason"].strip()] == []
    assert answer.connections == 0


def test_the_corpus_is_large_and_has_nothing_twice() -> None:
    different = {(entry["system"], entry["key"], repr(entry["value"]), entry.get("given")) for entry in BAD}
    assert len(BAD) >= LEAST
    assert len(different) == len(BAD)


def test_the_generated_part_is_what_its_seed_makes() -> None:
    written = (CORPUS / "generated.yml").read_text()
    content = yaml.safe_load(written)
    assert generate.text_of(generate.generate(content["seed"], content["number"])) == written
