# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions of ansible-core, Python and amazon.aws this collection is tested with.

A version that nobody has tried is refused: what changes between two of them may be how secrets are hidden.
"""

from __future__ import annotations

import collections.abc as c
import importlib
import sys
import typing as t

from ansible.errors import AnsibleError
from ansible.release import __version__

Version = tuple[int, ...]

ANSIBLE_HERE: str = __version__
PYTHON_HERE = sys.version.split()[0]

# The oldest and the newest, both included.
ANSIBLE: tuple[Version, Version] = (2, 19), (2, 22)
PYTHON: tuple[Version, Version] = (3, 11), (3, 13)
COLLECTIONS: dict[str, tuple[Version, Version]] = {
    "amazon.aws": ((10,), (12,)),
    "community.aws": ((10,), (12,)),
}


def parsed(version: str) -> Version:
    """The leading numbers of a version: ``2.21.0rc1`` is 2, 21."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def is_within(version: str, bounds: tuple[Version, Version]) -> bool:
    """Whether a version is of one of the series from the oldest to the newest."""
    oldest, newest = bounds
    return oldest <= parsed(version)[: len(oldest)] <= newest


def span(bounds: tuple[Version, Version]) -> str:
    """Bounds in words."""
    oldest, newest = (".".join(map(str, version)) for version in bounds)
    return f"{oldest} to {newest}"


def works_with() -> str:
    """What works, in words."""
    return f"slipway.graph works with ansible-core {span(ANSIBLE)} on Python {span(PYTHON)}"


def require(names: c.Iterable[str], ansible: str = ANSIBLE_HERE, python: str = PYTHON_HERE) -> None:
    """Refuse a version that is too old or too new, and one that lacks a name that is needed.

    :param names: each ``module:attribute``, where the attribute may be one that objects get when they are made.
    :raises AnsibleError: one message that says what is there and what works.
    """
    here = f"here is ansible-core {ansible} on Python {python}"
    if not is_within(ansible, ANSIBLE) or not is_within(python, PYTHON):
        raise AnsibleError(f"{works_with()}; {here}.")
    missing = [name for name in names if not _exists(name)]
    if missing:
        raise AnsibleError(f"{works_with()}; {here}, and lacks {', '.join(missing)}.")


def _exists(name: str) -> bool:
    module, _colon, path = name.partition(":")
    try:
        found: t.Any = importlib.import_module(module)
        *owners, last = path.split(".")
        for owner in owners:
            found = getattr(found, owner)
    except (ImportError, AttributeError):
        return False
    return hasattr(found, last) or _sets(found, last)


def _sets(owner: t.Any, name: str) -> bool:
    """Whether a class gives its objects an attribute when they are made."""
    makers = (vars(base).get("__init__") for base in getattr(owner, "__mro__", ()))
    return any(name in maker.__code__.co_names for maker in makers if hasattr(maker, "__code__"))
