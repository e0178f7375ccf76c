# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run as one page that opens in any browser, without a network, made from its journal and nothing else."""

from __future__ import annotations

import collections
import collections.abc as c
import typing as t
from pathlib import Path

import jinja2

from ansible_collections.slipway.graph.plugins.plugin_utils.plan import plan
from ansible_collections.slipway.graph.plugins.plugin_utils.record import journal, records
from ansible_collections.slipway.graph.plugins.plugin_utils.report import drawing
from ansible_collections.slipway.graph.plugins.plugin_utils.worker import differences

# More bars than this say nothing to anybody; the page shows those that took longest, and says so.
MAX_BARS = 500
KINDS = {
    ("plan", "present"): "Plan",
    ("plan", "absent"): "Plan of a destroy",
    ("apply", "present"): "Apply",
    ("apply", "absent"): "Destroy",
}
STATUS_NAMES = {
    records.OK: "unchanged",
    records.PLANNED: "to change",
    records.UNKNOWN: "known after apply",
    records.BLOCKED: "not run",
    records.IGNORED: "failed, ignored",
}
# What people look for comes first.
STATUS_ORDER = (
    records.FAILED, records.BLOCKED, records.IGNORED, records.PLANNED, records.UNKNOWN, records.CHANGED, records.OK,
    records.SKIPPED,
)  # fmt: skip


def page(run: journal.Document) -> str:
    """The whole page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("page")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["duration"] = duration
    calls = sorted(run["calls"], key=lambda call: list(call["order"]))
    length = max((_end(call) for call in calls), default=0.0)
    bars = _bars(calls)
    return environment.get_template("page.html").render(
        run=run,
        kind=_kind(run),
        headline=plan.headline(run) if run["mode"] == "plan" else "",
        length=length,
        statuses=[(status, STATUS_NAMES.get(status, status), run["summary"][status])
                  for status in STATUS_ORDER if run["summary"][status]],
        status_names=STATUS_NAMES,
        calls=[_call(call) for call in calls],
        graph=drawing.draw(run["graph"], _step_statuses(calls)),
        bars=bars[:MAX_BARS],
        left_out=len(bars[MAX_BARS:]),
        path=_path(run["critical_path"]),
        api=_api(calls),
        api_total=_totals([each for call in calls for each in call["api_calls"]]),
    )  # fmt: skip


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def _kind(run: journal.Document) -> str:
    """Which kind of run it was."""
    kind = str(KINDS.get((run["mode"], run["state"]), run["mode"]))
    return f"{kind}, cut off" if run.get("cut_off") else kind


def _call(call: dict[str, t.Any]) -> dict[str, t.Any]:
    text, *details = plan.describe(call, limit=10_000) if _would_change(call) else [""]
    if not details and not _would_change(call):
        details = [line for change in call["diff"] for line in differences.lines(change)]
    return {
        **call,
        "anchor": _anchor(call["order"]),
        "what": text.partition(f"{call['title']}: ")[2],
        "details": [line.removeprefix("    ") for line in details],
        # Of what is new everything differs: that can stay folded.
        "open": call["status"] == records.FAILED or any("before" in change for change in call["diff"]),
        "retries": sum(each["retries"] for each in call["api_calls"]),
    }


def _would_change(call: dict[str, t.Any]) -> bool:
    return call["status"] in (records.PLANNED, records.UNKNOWN)


def _anchor(order: c.Sequence[int]) -> str:
    return "call-" + "-".join(map(str, order))


def _end(call: dict[str, t.Any]) -> float:
    return t.cast(float, call["started"] + call["seconds"])


def _step_statuses(calls: c.Iterable[dict[str, t.Any]]) -> dict[int, str]:
    """The gravest status of each task's calls."""
    found: dict[int, str] = {}
    for call in calls:
        index, status = call["order"][0], call["status"]
        found[index] = min(found.get(index, status), status, key=STATUS_ORDER.index)
    return found


def _bars(calls: c.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What the timeline shows, in the order of its start; beyond the limit stand the shortest."""
    timed = sorted((call for call in calls if call["seconds"]), key=lambda call: -call["seconds"])
    shown = sorted(timed[:MAX_BARS], key=lambda call: call["started"])
    return [{**call, "anchor": _anchor(call["order"])} for call in [*shown, *timed[MAX_BARS:]]]


def _path(path: c.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The critical path with the time that each of its calls waited for a free slot."""
    found: list[dict[str, t.Any]] = []
    ended = 0.0
    for call in path:
        found.append({**call, "anchor": _anchor(call["order"]), "waited": max(0.0, call["started"] - ended)})
        ended = _end(call)
    return found


def _api(calls: c.Iterable[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """API calls by service and operation, those that took most time first."""
    by_operation: dict[tuple[str, str], list[dict[str, t.Any]]] = {}
    for call in calls:
        for each in call["api_calls"]:
            by_operation.setdefault((each["service"], each["operation"]), []).append(each)
    rows = [
        {"service": service, "operation": operation, **_totals(each)}
        for (service, operation), each in by_operation.items()
    ]
    return sorted(rows, key=lambda row: (-row["seconds"], row["service"], row["operation"]))


def _totals(api_calls: c.Sequence[dict[str, t.Any]]) -> dict[str, t.Any]:
    errors = collections.Counter(each["error"] for each in api_calls if each.get("error"))
    return {
        "count": len(api_calls),
        "seconds": sum(each["seconds"] for each in api_calls),
        "slowest": max((each["seconds"] for each in api_calls), default=0.0),
        "retries": sum(each["retries"] for each in api_calls),
        "errors": errors.most_common(),
    }
