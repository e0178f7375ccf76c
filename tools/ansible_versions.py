"""Says which versions of ansible-core, Python and the AWS collections the Python that runs this has."""

from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path

import ansible_collections


def collection(name: str) -> str:
    """A collection of the package `ansible`, with its version."""
    folder = Path(next(iter(ansible_collections.__path__))).joinpath(*name.split("."))
    return f"{name} {json.loads((folder / 'MANIFEST.json').read_text())['collection_info']['version']}"


if __name__ == "__main__":
    core = f"ansible-core {metadata.version('ansible-core')} on Python {platform.python_version()}"
    print(core, collection("amazon.aws"), collection("community.aws"), sep=", ")
