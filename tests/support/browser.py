"""A headless Chromium that reaches no network and tells what it asked for."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import typing as t
from collections.abc import Iterator

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    # Nobody listens there, so that a request which is made all the same fails.
    "--proxy-server=http://127.0.0.1:9",
)  # fmt: skip


@contextlib.contextmanager
def chromium() -> Iterator[Chrome]:
    """The browser of this machine with a profile of its own."""
    driver = shutil.which("chromedriver")
    if driver is None:
        message = "There is no chromedriver: install the Debian packages chromium and chromium-driver"
        raise RuntimeError(message)
    with tempfile.TemporaryDirectory() as profile:
        options = ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        browser = Chrome(options=options, service=ChromeService(driver))
        try:
            yield browser
        finally:
            browser.quit()


def resize(browser: Chrome, width: int, height: int = 900) -> None:
    """Give the page this size, which may be smaller than Chromium lets a window be."""
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)


def prefer(browser: Chrome, scheme: str) -> None:
    """Prefer ``light`` or ``dark`` pages."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def requests(browser: Chrome) -> list[str]:
    """Every URL that was asked for since the last look."""
    found = []
    for entry in _log(browser, "performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"])
    return found


def complaints(browser: Chrome) -> list[str]:
    """What the browser's console says of errors."""
    return [entry["message"] for entry in _log(browser, "browser") if entry["level"] == "SEVERE"]


def _log(browser: Chrome, kind: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", browser.get_log(kind))  # type: ignore[no-untyped-call]
