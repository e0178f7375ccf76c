"""Lists come in pages."""

from __future__ import annotations

import functools
import itertools
import typing as t

import botocore.exceptions
import botocore.session

from tests.support.hard.behaviour import Behaviour
from tests.support.hard.protocol import Call, Outcome, Refusal, Result
from tests.support.hard.world import World

PAGE = 2
# Give everything at once unless asked for pages, or have tokens that are no text.
WITHOUT = {"ec2", "s3", "application-autoscaling"}

# What is always on one page, and why: upstream does not ask for another.
WHOLE = {
    ("dynamodb", "ListTagsOfResource"): "a page has ten tags, and no role makes as many",
    ("elbv2", "DescribeRules"): "a page has up to 400 rules, a listener 100 (ELB API reference; quotas of ALB)",
}


class Pager(t.NamedTuple):
    """Of botocore's paginators, what a list is in and what says where it goes on."""

    given: str
    asked: str
    key: str
    more: str


class SmallPages(Behaviour):
    """No page has more than two items: what stands in two pages here is in two for AWS when there is more of it."""

    name: t.ClassVar = "small-pages"
    source: t.ClassVar = "botocore's paginators; IAM API reference: IAM might return fewer than MaxItems"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.rest: dict[str, tuple[Pager, Result]] = {}
        self.number = itertools.count(1)

    def before(self, call: Call) -> Outcome | None:
        """Go on with a list that was begun here."""
        pager = pager_of(call.service, call.operation)
        token = call.parameters.get(pager.asked) if pager else None
        if not pager or not isinstance(token, str) or token not in self.rest:
            return None
        return self._page(*self.rest[token])

    def after(self, call: Call, outcome: Outcome) -> Outcome:
        """Give the first page of a longer list."""
        pager = pager_of(call.service, call.operation)
        if not pager or isinstance(outcome, Refusal) or not isinstance(outcome.get(pager.key), list):
            return outcome
        return self._page(pager, outcome) if len(outcome[pager.key]) > PAGE else outcome

    def _page(self, pager: Pager, result: Result) -> Result:
        items = result[pager.key]
        if len(items) <= PAGE:
            return result
        token = f"more-{next(self.number)}"
        self.rest[token] = pager, {**result, pager.key: items[PAGE:]}
        more = {pager.more: True} if pager.more else {}
        return {**result, pager.key: items[:PAGE], pager.given: token, **more}

    def forget(self) -> None:
        """Nobody goes on with a list of what is gone."""
        self.rest.clear()


@functools.cache
def pager_of(service: str, operation: str) -> Pager | None:
    """How an operation gives its list in pages; ``None`` if it does not, or not simply."""
    if service in WITHOUT or (service, operation) in WHOLE:
        return None
    try:
        config = _session().get_paginator_model(service).get_paginator(operation)
    except (ValueError, botocore.exceptions.UnknownServiceError, botocore.exceptions.DataNotFoundError):
        return None
    keys = config["result_key"]
    key = keys[0] if isinstance(keys, list) else keys
    given, asked = config["output_token"], config["input_token"]
    # Others have several tokens, or look for the list within something.
    is_simple = all(isinstance(name, str) and name.isidentifier() for name in (given, asked, key))
    return Pager(given, asked, key, config.get("more_results", "")) if is_simple else None


@functools.cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()
