"""Lists the behaviours: what each does, and where it is said that AWS does so."""

from __future__ import annotations

from tests.support.hard.families import BEHAVIOURS

for each in BEHAVIOURS:
    print(f"{each.name}\n    {' '.join((each.__doc__ or '').split())}\n    {each.source}")
