"""Rule 15: the page that each run leaves, in a real browser."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from ansible_collections.slipway.graph.plugins.plugin_utils.read.graph import Graph
from ansible_collections.slipway.graph.plugins.plugin_utils.read.loading import Step
from ansible_collections.slipway.graph.plugins.plugin_utils.record import journal, records
from ansible_collections.slipway.graph.plugins.plugin_utils.record.records import CallRecord
from ansible_collections.slipway.graph.plugins.plugin_utils.report import drawing, report
from tests.support import browser as browsers

ROLES = ("network", "data", "compute")
STATUSES = (records.OK, records.CHANGED, records.OK, records.SKIPPED)


def step(index: int) -> Step:
    return Step(
        index=index, task=t.cast(t.Any, None), role=ROLES[index * len(ROLES) // 150], name=f"Make thing number {index}",
        location=f"/roles/x/tasks/main.yml:{index}", module="amazon.aws.ec2_vpc_net", path="", has_action_plugin=False,
        registers=(), after=(),
    )  # fmt: skip


def record(of: Step, status: str, **values: t.Any) -> CallRecord:
    return CallRecord(
        of.name, of.role, of.location, of.module, status, (of.index, 0), started=of.index / 10, seconds=0.5, **values
    )


def run_of(mode: str, calls: list[CallRecord], steps: list[Step]) -> journal.Document:
    """The journal of a run in which each task needs three of those before it."""
    needs = {each: {steps[each.index // part] for part in (2, 3, 4)} - {each} for each in steps}
    return journal.document("demo-test", mode, "present", Graph(steps, needs, {each: set() for each in steps}), calls)


@pytest.fixture(scope="module")
def applied() -> journal.Document:
    """An apply of 150 tasks, two of which failed."""
    steps = [step(index) for index in range(150)]
    api = [
        {"service": "ec2", "operation": "DescribeVpcs", "seconds": 0.2, "retries": 1},
        {"service": "ec2", "operation": "CreateVpc", "seconds": 0.1, "retries": 0, "error": "VpcLimitExceeded"},
    ]
    calls = [record(each, STATUSES[each.index % 4], api_calls=api) for each in steps[:-2]]
    return run_of("apply", [*calls, *(record(each, records.FAILED, msg="no more VPCs") for each in steps[-2:])], steps)


@pytest.fixture(scope="module")
def planned() -> journal.Document:
    """A plan with a change of each kind."""
    steps = [step(index) for index in range(4)]
    write = {"service": "rds", "operation": "ModifyDBInstance", "parameters": {"DBInstanceClass": "db.t3.large"}}
    diff = [{"name": "DBInstanceClass", "before": "db.t3.small", "after": "db.t3.large"}]
    calls = [
        record(steps[0], records.PLANNED, writes=[write], diff=diff),
        record(steps[1], records.PLANNED, writes=[write], drift=True),
        record(steps[2], records.UNKNOWN, unknown=["network_result"]),
        record(steps[3], records.OK),
    ]
    return run_of("plan", calls, steps)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with browsers.chromium() as started:
        yield started


@pytest.fixture
def show(browser: Chrome, tmp_path: Path) -> t.Callable[[journal.Document], Chrome]:
    """Write a report and open it from the file system."""

    def opened(run: journal.Document) -> Chrome:
        path = tmp_path / "report.html"
        path.write_text(report.page(run), encoding="utf-8")
        browsers.resize(browser, 1280)
        browsers.requests(browser)
        browser.get(path.as_uri())
        return browser

    return opened


Show = t.Callable[[journal.Document], Chrome]


def visible(browser: Chrome, selector: str) -> list[t.Any]:
    return [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]


def test_rule_15_the_page_asks_for_nothing_but_itself(show: Show, applied: journal.Document) -> None:
    page = show(applied)
    asked = [url for url in browsers.requests(page) if not url.startswith("data:")]
    assert asked == [page.current_url]
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browsers.complaints(page) == []


def test_rule_15_result_graph_timeline_critical_path_and_api_calls_are_shown(
    show: Show, applied: journal.Document
) -> None:
    page = show(applied)
    assert [heading.text for heading in visible(page, "h1, h2")] == [
        "demo-test", "Result", "Graph", "Timeline", "Critical path", "API calls"
    ]  # fmt: skip
    assert len(visible(page, ".call")) == len(visible(page, "#graph .node")) == 150
    assert len(visible(page, "#timeline a.title")) == 150
    assert "no more VPCs" in visible(page, ".call.is-failed")[0].text
    path = [element.text for element in visible(page, "#path a.title")]
    assert path == [call["title"] for call in applied["critical_path"]]
    rows = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in visible(page, "tbody tr")]
    assert rows == [
        ["ec2 DescribeVpcs", "148", "29.6 s", "200 ms", "148", ""],
        ["ec2 CreateVpc", "148", "14.8 s", "100 ms", "", "148 VpcLimitExceeded"],
    ]


def test_rule_15_a_plan_shows_what_would_change_and_from_what_to_what(show: Show, planned: journal.Document) -> None:
    page = show(planned)
    calls = [call.text for call in visible(page, ".call")]
    assert "rds:ModifyDBInstance" in calls[0]
    assert "~ DBInstanceClass: db.t3.small -> db.t3.large" in calls[0]
    assert "to change · drift" in calls[1]
    assert 'rds:ModifyDBInstance {"DBInstanceClass": "db.t3.large"}' in calls[1]
    assert "inputs known after apply: network_result" in calls[2]


def test_rule_15_calls_are_filtered_by_status_and_by_words(show: Show, applied: journal.Document) -> None:
    page = show(applied)
    page.find_element(By.CSS_SELECTOR, "label:has(#show-failed)").click()
    assert len(visible(page, ".call")) == 2
    page.find_element(By.CSS_SELECTOR, "label:has(#show-all)").click()
    page.find_element(By.ID, "search").send_keys("number 14")
    assert [call.text for call in visible(page, ".call .title")] == [
        f"{ROLES[index * len(ROLES) // 150]} Make thing number {index}" for index in (14, *range(140, 150))
    ]


def test_rule_15_without_javascript_everything_is_there_and_the_status_still_filters(
    show: Show, browser: Chrome, applied: journal.Document
) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page = show(applied)
        assert page.find_elements(By.CSS_SELECTOR, "#search:not([hidden])") == []
        assert len(visible(page, ".call")) == 150
        page.find_element(By.CSS_SELECTOR, "label:has(#show-failed)").click()
        assert len(visible(page, ".call")) == 2
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", [380, 1280])
def test_rule_15_the_page_is_never_wider_than_the_screen(show: Show, applied: journal.Document, width: int) -> None:
    page = show(applied)
    browsers.resize(page, width)
    assert page.execute_script("return window.innerWidth") == width
    assert page.execute_script("return document.documentElement.scrollWidth") == width
    canvas = page.find_element(By.CSS_SELECTOR, ".canvas")
    assert canvas.size["width"] <= width
    assert int(canvas.get_attribute("scrollWidth") or 0) > width  # the graph is scrolled in its own frame
    assert all(title.size["width"] > 120 for title in visible(page, ".call .title")[:20])


def test_rule_15_the_page_follows_the_preferred_colours(show: Show, applied: journal.Document) -> None:
    page = show(applied)
    colours = []
    for scheme in ("light", "dark"):
        browsers.prefer(page, scheme)
        colours.append(page.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(251, 250, 248)", "rgb(22, 24, 28)"]


def test_rule_15_whatever_a_name_or_message_holds_is_text(show: Show) -> None:
    steps = [step(0)]
    evil = "</title></script><script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
    steps[0].name = evil
    run = run_of("plan", [record(steps[0], records.FAILED, item=evil, msg=evil)], steps)
    page = show({**run, "host": evil})
    assert page.title.startswith("Plan: </title>")
    assert page.find_elements(By.CSS_SELECTOR, "img") == []
    assert evil in visible(page, ".message")[0].text


def test_rule_15_a_run_without_calls_has_a_page_too(show: Show) -> None:
    page = show(run_of("apply", [], []))
    assert "This run called no API" in page.find_element(By.TAG_NAME, "body").text


def test_rule_15_needs_that_follow_from_others_are_not_drawn() -> None:
    steps = [
        {"index": index, "title": "x", "role": "r", "needs": needs} for index, needs in enumerate([[], [0], [0, 1]])
    ]
    drawn = drawing.draw(steps, {})
    assert [(need, index) for need, index, _path in drawn.edges] == [(0, 1), (1, 2)]
    assert len({(node.x, node.y) for node in drawn.nodes}) == 3


def test_rule_15_thousands_of_calls_are_drawn_and_long_timelines_cut() -> None:
    steps = [step(index % 150) for index in range(150)]
    calls = [
        CallRecord("Make", "r", "x:1", "m", records.OK, (index % 150, index // 150), seconds=index / 1000)
        for index in range(5000)
    ]
    page = report.page(run_of("apply", calls, steps))
    assert "The 500 calls that took longest; 4499 shorter ones are left out." in page
