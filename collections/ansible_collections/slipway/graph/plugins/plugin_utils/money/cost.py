# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a system costs in a month: its declared resources times the price table, as a document and as tables."""

from __future__ import annotations

import collections
import collections.abc as c
import typing as t

from ansible_collections.slipway.graph.plugins.plugin_utils.money import declared, prices, pricing

Document = dict[str, t.Any]
# Up to here, provisioned capacity is used well; autoscaling leaves the rest free.
TABLE_UTILISATION = 0.7
DAYS_PER_MONTH = pricing.HOURS_PER_MONTH / 24


def document(host: str, region: str, calls: c.Iterable[declared.Declared], usage: pricing.Usage) -> Document:
    """The costs of one host: ``lines``, ``services``, ``total`` in US dollars a month, ``unpriced`` and ``advice``."""
    found = _each_once(calls)
    lines: list[dict[str, t.Any]] = []
    unpriced: list[str] = []
    for call in found:
        for use in pricing.uses(call.step.module, call.arguments, usage):
            line = _line(call, use, region)
            if line:
                lines.append(line)
            else:
                unpriced.append(f"{_title(call)}: {use.price}")
    services: dict[str, float] = collections.defaultdict(float)
    for line in lines:
        services[line["service"]] += line["monthly"]
    return {
        "host": host,
        "region": region,
        "prices_as_of": prices.table()["as_of"],
        "prices_origin": prices.table()["origin"],
        "lines": lines,
        "services": {name: round(services[name], 2) for name in sorted(services)},
        "total": round(sum(services.values()), 2),
        "unpriced": unpriced,
        "advice": _advice(found, region, usage),
    }


def _each_once(calls: c.Iterable[declared.Declared]) -> list[declared.Declared]:
    """Without the calls that go on with what an earlier one has made."""
    found: dict[t.Any, declared.Declared] = {}
    for call in calls:
        name = call.arguments.get("name")
        found.setdefault((call.step.module, name) if name else call, call)
    return list(found.values())


def _title(call: declared.Declared) -> str:
    return f"{call.step.role}: {call.step.name}" + (f" ({call.item})" if call.item else "")


def _line(call: declared.Declared, use: pricing.Use, region: str) -> dict[str, t.Any] | None:
    price = prices.price(use.price, region)
    if price is None:
        return None
    return {
        "what": _title(call),
        "price": use.price,
        "service": price.service,
        "quantity": round(use.quantity, 4),
        "unit": price.unit,
        "unit_price": price.usd,
        "monthly": use.quantity * price.usd,
        "source": price.source,
    }


def _advice(calls: list[declared.Declared], region: str, usage: pricing.Usage) -> list[str]:
    """What would cost less with this usage."""
    tables = [call for call in calls if "dynamodb.storage" in _names(call, usage)]
    return [text for call in tables if (text := _table_advice(call, region, usage))]


def _names(call: declared.Declared, usage: pricing.Usage) -> set[str]:
    return {use.price for use in pricing.uses(call.step.module, call.arguments, usage)}


def _table_advice(call: declared.Declared, region: str, usage: pricing.Usage) -> str:
    on_demand, provisioned = table_costs(usage["table_reads"], usage["table_writes"], region)
    has = "provisioned" if "dynamodb.provisioned.read" in _names(call, usage) else "on demand"
    cheaper = "on demand" if on_demand <= provisioned else "provisioned"
    if has == cheaper:
        return ""
    return (
        f"{_title(call)}: {usage['table_reads']:,.0f} reads and {usage['table_writes']:,.0f} writes a month, spread"
        f" evenly, cost {on_demand:.2f} on demand and {provisioned:.2f} provisioned (at"
        f" {TABLE_UTILISATION:.0%} utilisation); the table is {has}"
    )


def table_costs(reads: float, writes: float, region: str) -> tuple[float, float]:
    """What so many reads and writes a month cost on demand, and provisioned if they come evenly."""
    seconds = pricing.HOURS_PER_MONTH * 3600

    def usd(name: str) -> float:
        price = prices.price(name, region)
        return price.usd if price else 0.0

    def units(requests: float) -> float:
        return max(1.0, requests / seconds / TABLE_UTILISATION)

    on_demand = reads * usd("dynamodb.on_demand.read") + writes * usd("dynamodb.on_demand.write")
    provisioned = pricing.HOURS_PER_MONTH * (
        units(reads) * usd("dynamodb.provisioned.read") + units(writes) * usd("dynamodb.provisioned.write")
    )
    return on_demand, provisioned


def standing(kind: str, region: str) -> str:
    """What a resource of a type costs a month for being there, in words."""
    if kind in pricing.FREE:
        return "free"
    found = [(use, prices.price(use.price, region)) for use in pricing.RESOURCES.get(kind, [])]
    if not found or any(price is None for _use, price in found):
        return "cost depends on its size and use"
    return f"{sum(use.quantity * price.usd for use, price in found if price):.2f} USD a month"


def table_usage(measured: list[dict[str, t.Any]], days: int) -> pricing.Usage:
    """What the measured tables were read and written in a month, each of them on average."""
    usage: pricing.Usage = {}
    for name, metric in (("table_reads", "ConsumedReadCapacityUnits"), ("table_writes", "ConsumedWriteCapacityUnits")):
        totals = [each["total"] for each in measured if each["metric"] == metric]
        if totals:
            usage[name] = sum(totals) / len(totals) / days * DAYS_PER_MONTH
    return usage


def unused(measured: list[dict[str, t.Any]], days: int) -> list[str]:
    """What nobody used: every metric of it is zero."""
    totals: dict[tuple[str, str], float] = collections.defaultdict(float)
    for each in measured:
        totals[each["type"], each["id"]] += each["total"]
    return [
        f"{kind} {name}: not used in {days} days; is it still needed?"
        for (kind, name), total in totals.items()
        if not total
    ]


def lines(made: Document) -> list[str]:
    """The table that people read."""
    rows = [("what", "quantity", "unit", "unit price", "USD a month", "source in AWS's price list")]
    rows += [
        (each["what"], _number(each["quantity"], 2), each["unit"], _number(each["unit_price"], 10),
         f"{each['monthly']:,.2f}", each["source"])
        for each in made["lines"]
    ]  # fmt: skip
    text = [f"{made['host']}, {made['region']}, before taxes and discounts"]
    text += [f"Prices as of {made['prices_as_of']}, {made['prices_origin']}"]
    text += [f"  {row}" for row in _columns(rows, right={1, 3, 4})]
    text += ["", *(f"  {name}: {amount:,.2f}" for name, amount in made["services"].items())]
    text += [f"Total: {made['total']:,.2f} USD a month"]
    text += [f"  not in the price table: {each}" for each in made["unpriced"]]
    return text + [f"  advice: {each}" for each in made["advice"]]


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}".rstrip("0").rstrip(".")


def comparison(documents: list[Document]) -> list[str]:
    """Several environments side by side, by service."""
    names = sorted({name for each in documents for name in each["services"]})
    rows = [("USD a month", *(each["host"] for each in documents))]
    rows += [(name, *(f"{each['services'].get(name, 0):,.2f}" for each in documents)) for name in names]
    rows += [("total", *(f"{each['total']:,.2f}" for each in documents))]
    return [f"  {row}" for row in _columns(rows, right=set(range(1, len(documents) + 1)))]


def _columns(rows: c.Sequence[tuple[str, ...]], right: set[int]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
