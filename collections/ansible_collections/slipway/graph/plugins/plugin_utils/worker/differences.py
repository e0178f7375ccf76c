# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a stopped write would change: its parameters beside what the module has read of the same resource before.

AWS does not say what a write would replace. But a module that decides to write has just read the resource, so its
answers hold the old values, mostly under the same names. Where they do not, only the new value is known and shown.
"""

from __future__ import annotations

import collections.abc as c
import difflib
import itertools
import json
import re
import typing as t


class Change(t.TypedDict, total=False):
    """One value that changes. Without ``before`` it is new or its old value is not known; without ``after`` it goes.

    ``prepared`` is text of a module that describes its change in its own way.
    """

    name: str
    before: t.Any
    after: t.Any
    prepared: str


class Read(t.NamedTuple):
    """A read and its answer."""

    operation: str
    parameters: dict[str, t.Any]
    answer: dict[str, t.Any]


# Reads whose answers are secrets: nothing is taken from them.
_SECRET_READS = re.compile(r"SecretValue|Password|Token|Credential|GetParameter|LoginProfile|PrivateKey|^Assume")
_REMOVING = ("Delete", "Remove", "Revoke", "Untag", "Disassociate", "Detach", "Deregister", "Terminate", "Release")
# These add to what is there, so that the old value of the same name is not what they replace.
_ADDING = ("Create", "Run", "Allocate", "Register", "Request", "Import", "Copy", "Restore", "Start", "Send", "Publish",
           "Authorize", "Add", "Attach", "Associate", "Invoke")  # fmt: skip
_NAMES_A_RESOURCE = re.compile(
    r"(id|ids|identifier|name|arn|arns|bucket|resources?|service|family|key)$", re.IGNORECASE
)
_TAGS = {"tags", "taglist", "tagset"}
_PAIRS = (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"), ("ParameterName", "ParameterValue"))
_NOTHING: t.Any = object()


def is_kept(operation: str) -> bool:
    """Whether a read's answer may be used at all."""
    return not _SECRET_READS.search(operation)


def of_write(
    operation: str, parameters: dict[str, t.Any], required: c.Container[str], reads: c.Sequence[Read]
) -> list[Change]:
    """What a write changes; ``required`` are the parameters that it cannot do without, among them what it writes to."""
    identity = {
        name: value for name, value in parameters.items()
        if name in required and _NAMES_A_RESOURCE.search(name) and _texts(value)
    }  # fmt: skip
    told = {name: value for name, value in parameters.items() if name not in identity}
    if operation.startswith(_ADDING) and "Tag" not in operation:
        return list(itertools.chain.from_iterable(_compared(name, _NOTHING, parameters[name]) for name in parameters))
    if operation.startswith(_REMOVING):
        tags = _opened(_get(_resource(operation, {"Tags": []}, identity, reads), "Tags"))
        return list(itertools.chain.from_iterable(_removed(name, value, tags) for name, value in told.items()))
    known = _resource(operation, told, identity, reads)
    replaces = operation.startswith("Put")
    return list(
        itertools.chain.from_iterable(
            _compared(name, _old_value(known, name, value), value, replaces) for name, value in told.items()
        )
    )


def of_result(result: dict[str, t.Any]) -> list[Change]:
    """What a module itself says that it changes, in the several shapes that Ansible's ``diff`` has."""
    found: list[Change] = []
    for part in [result, *(result.get("results") or [])]:
        told = part.get("diff") if isinstance(part, dict) else None
        for each in told if isinstance(told, list) else [told]:
            if isinstance(each, dict):
                found += _of_diff(each)
    return found


def _of_diff(told: dict[str, t.Any]) -> c.Iterator[Change]:
    name = str(told.get("after_header") or told.get("before_header") or "")
    if told.get("prepared"):
        yield Change(name=name, prepared=str(told["prepared"]))
    if "before" in told or "after" in told:
        before, after = (_NOTHING if told.get(key) in (None, "") else told[key] for key in ("before", "after"))
        if isinstance(before, dict) and isinstance(after, dict):
            names = [*after, *(key for key in before if key not in after)]
            for key in names:
                yield from _compared(_joined(name, key), before.get(key, _NOTHING), after.get(key, _NOTHING))
        else:
            yield from _compared(name, before, after)


def lines(change: Change) -> list[str]:
    """One change for people; texts of several lines as a unified difference."""
    label = f"{change['name']}: " if change.get("name") else ""
    if "prepared" in change:
        return [*([label.strip()] if label else []), *change["prepared"].splitlines()]
    if "before" not in change:
        return _listed(f"+ {label}", change["after"])
    if "after" not in change:
        known = change["before"] is not None
        return _listed(f"- {label}", change["before"]) if known else [f"- {change['name']}"]
    before, after = _shown(change["before"]), _shown(change["after"])
    if "\n" in before or "\n" in after:
        difference = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
        return [f"~ {label}".rstrip(), *(f"    {line}" for line in itertools.islice(difference, 2, None))]
    return [f"~ {label}{before} -> {after}"]


def _listed(prefix: str, value: t.Any) -> list[str]:
    first, *rest = _shown(value).splitlines() or [""]
    if not rest:
        return [prefix + first]
    return [prefix.rstrip(), *(f"    {line}" for line in (first, *rest))]


def _shown(value: t.Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


# Which of the structures that were read is the resource that the write speaks of?


def _resource(
    operation: str, told: dict[str, t.Any], identity: dict[str, t.Any], reads: c.Sequence[Read]
) -> dict[str, t.Any]:
    """The structure that describes the written resource best; empty if none does, or several do equally well."""
    if not identity:
        return {}
    best: tuple[tuple[t.Any, ...], dict[str, t.Any]] = ((), {})
    rivals: list[dict[str, t.Any]] = []
    for number, read in enumerate(reads):
        same_noun = _noun(read.operation) == _noun(operation)
        addressed = _agrees(identity, read.parameters)
        for structure in _structures(read.answer):
            names_itself = _agrees(identity, structure)
            shared = _shared(told, structure, unwrap=same_noun and structure is read.answer)
            if not shared or addressed is False or names_itself is False or not (addressed or names_itself):
                continue
            rank = (bool(names_itself), same_noun, len(shared), number)
            if rank > best[0]:
                best, rivals = (rank, structure), [structure]
            elif rank == best[0]:
                rivals.append(structure)
    agree = all(_same(_shared(told, rival), _shared(told, best[1])) for rival in rivals)
    return best[1] if agree else {}


def _structures(value: t.Any) -> c.Iterator[dict[str, t.Any]]:
    if isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key != "ResponseMetadata":
                yield from _structures(item)
    elif isinstance(value, list):
        for item in value:
            yield from _structures(item)


def _agrees(identity: dict[str, t.Any], described: dict[str, t.Any]) -> bool | None:
    """Whether a structure is of the resource: ``None`` if it does not say."""
    wanted = {text for value in identity.values() for text in _texts(value)}
    for name, value in identity.items():
        there = _texts(_get(described, name))
        if there and not any(_same_resource(text, other) for text in _texts(value) for other in there):
            return False
    named = {text for name, value in described.items() if _may_name(name) for text in _texts(value)}
    return True if any(_same_resource(text, other) for text in wanted for other in named) else None


def _may_name(name: str) -> bool:
    return bool(_NAMES_A_RESOURCE.search(name)) or name.lower().endswith(("prefix", "s"))


def _same_resource(one: str, other: str) -> bool:
    """Equal, or one is the ARN of what the other names."""
    if one == other:
        return True
    arn, name = (one, other) if one.startswith("arn:") else (other, one)
    return arn.startswith("arn:") and not name.startswith("arn:") and re.split(r"[:/]", arn)[-1] == name


def _noun(operation: str) -> str:
    return re.sub(r"^[A-Z][a-z]+", "", operation).removesuffix("s").lower()


def _shared(told: dict[str, t.Any], structure: dict[str, t.Any], unwrap: bool = False) -> dict[str, t.Any]:
    """The values of the structure under names that the write uses too."""
    found = {}
    for name, value in told.items():
        there = _get(structure, name)
        if there is _NOTHING and unwrap and isinstance(value, dict):
            found.update(_shared(value, structure))
        elif there is not _NOTHING:
            found[name] = there
    return found


def _texts(value: t.Any) -> list[str]:
    """The words of a value that may name a resource: itself, a list's items, the values of EC2's filters."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, list):
        return [text for item in value for text in _texts(item.get("Values") if isinstance(item, dict) else item)]
    return []


# Comparing


def _old_value(known: dict[str, t.Any], name: str, value: t.Any) -> t.Any:
    there = _get(known, name)
    if there is _NOTHING and isinstance(value, dict) and _shared(value, known):
        return known  # S3 answers with what stands inside of the parameter
    return there


def _compared(name: str, before: t.Any, after: t.Any, replaces: bool = False) -> c.Iterator[Change]:
    before, after = _opened(before), _opened(after)
    if isinstance(before, dict) and isinstance(after, dict):
        paired = isinstance(before, _Pairs)
        for key, value in after.items():
            yield from _compared(_joined(name, key), _get(before, key), value, replaces)
        for key in before if replaces and paired else ():
            if key not in after:
                yield Change(name=_joined(name, key), before=before[key])
    elif _are_alike(before, after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _compared(f"{name}[{position}]", old, new, replaces)
    elif before is _NOTHING and isinstance(after, dict) and after:
        for key, value in after.items():
            yield from _compared(_joined(name, key), before, value)
    elif not _same(before, after):
        change = Change(name=name)
        if before is not _NOTHING:
            change["before"] = before
        if after is not _NOTHING:
            change["after"] = after
        yield change


def _removed(name: str, value: t.Any, tags: t.Any) -> c.Iterator[Change]:
    if isinstance(value, list) and name.lower() in {*_TAGS, "tagkeys"}:
        keys = [str(_get(each, "Key")) if isinstance(each, dict) else str(each) for each in value]
        yield from (
            Change(name=f"Tags.{key}", before=tags.get(key) if isinstance(tags, dict) else None) for key in keys
        )
    else:
        yield Change(name=name, before=value)


class _Pairs(dict[str, t.Any]):
    """A list of keys and values, read as the mapping it stands for."""


def _opened(value: t.Any) -> t.Any:
    """Lists of keys and values as mappings, JSON texts as what they say."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for key, content in _PAIRS:
            if all(key in item and content in item for item in value):
                return _Pairs((str(item[key]), item[content]) for item in value)
    return value


def _are_alike(before: t.Any, after: t.Any) -> bool:
    """Whether two lists hold structures that can be compared one by one."""
    return (
        isinstance(before, list)
        and isinstance(after, list)
        and len(before) == len(after)
        and all(isinstance(item, dict) for item in (*before, *after))
    )


def _same(before: t.Any, after: t.Any) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return sorted(map(str, before)) == sorted(map(str, after))
    scalars = (str, int, float, bool)
    if isinstance(before, scalars) and isinstance(after, scalars):
        return str(before) == str(after)
    return bool(before == after)


def _get(structure: t.Any, name: str) -> t.Any:
    """A value by its name, whichever letters are capital; all names for tags are one."""
    if not isinstance(structure, dict):
        return _NOTHING
    if name in structure:
        return structure[name]
    lowered = name.lower()
    wanted = _TAGS if lowered in _TAGS else {lowered}
    return next((value for key, value in structure.items() if str(key).lower() in wanted), _NOTHING)


def _joined(name: str, key: t.Any) -> str:
    return f"{name}.{key}" if name else str(key)
