"""MiniStack's server, with its answers put right as in the local environment."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from ministack.app import main  # type: ignore[import-untyped]

FILES = Path(__file__).resolve().parents[2] / "roles/local/local_aws/files"

if __name__ == "__main__":
    sys.path.insert(0, str(FILES))
    importlib.import_module("answers")
    main()
