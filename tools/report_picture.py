#!/usr/bin/env python3
# Copyright (c) The Slipway developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Take the picture of a report that README.md shows.

docs/report.png is the upper part of the report of a first ``site.yml --limit transactions -e only=alb`` on a fresh
local environment: ``tools/report_picture.py .slipway/transactions-local/report.html``
"""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 1100, 1320


def main() -> int:
    """Open the page without a network, as a reader would, and keep what fits."""
    sys.path.insert(0, str(ROOT))
    from tests.support import browser  # noqa: PLC0415 - found only once the checkout is on the path

    with browser.chromium() as chromium:
        browser.resize(chromium, WIDTH, HEIGHT)
        browser.prefer(chromium, "light")
        chromium.get(pathlib.Path(sys.argv[1]).resolve().as_uri())
        return 0 if chromium.save_screenshot(str(ROOT / "docs/report.png")) else 1


if __name__ == "__main__":
    sys.exit(main())
