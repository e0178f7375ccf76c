"""Makes a function's zip: what is installed for it, its own sources as git knows them, and the commit.

The same input gives the same bytes: names in order, one date for all files, and nothing that depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

# The first moment that a zip can name.
DATE = (1980, 1, 1, 0, 0, 0)
# What pip writes about its own work on this machine, and programs that nothing calls there.
LEFT_OUT = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def installed_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name in the zip and path of what is installed."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        own = path.parent.suffix == ".dist-info" and path.name in LEFT_OUT
        if path.is_file() and not own and name.parts[0] != "bin" and "__pycache__" not in name.parts:
            yield str(name), path


def source_files(context: Path, packages: list[str]) -> Iterator[tuple[str, Path]]:
    """Name in the zip and path of the sources, as git knows them or would take them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *packages]
    listed = subprocess.run(command, cwd=context, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (context / name).is_file():
            yield name, context / name


def write_zip(output: Path, files: dict[str, bytes]) -> None:
    """Write the files in the order of their names; half a zip never stands under the name of a whole one."""
    unfinished = output.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    unfinished.replace(output)


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--installed", type=Path, required=True, help="Folder that pip has installed into.")
    parser.add_argument("--context", type=Path, required=True, help="Folder of the application.")
    parser.add_argument("--commit", required=True, help="What release.json says.")
    parser.add_argument("--max-bytes", type=int, required=True, help="Size that the zip may have.")
    parser.add_argument("--output", type=Path, required=True, help="The zip.")
    parser.add_argument("packages", nargs="+", help="Folders and files of the context that go in.")
    options = parser.parse_args()

    sources = dict(source_files(options.context, options.packages))
    if not sources:
        print(f"git tracks no files in {', '.join(options.packages)} in {options.context}", file=sys.stderr)
        return 1
    paths = dict(installed_files(options.installed)) | sources
    files = {name: path.read_bytes() for name, path in paths.items()}
    files["release.json"] = json.dumps({"commit": options.commit}).encode()
    write_zip(options.output, files)
    size = options.output.stat().st_size
    if size > options.max_bytes:
        options.output.unlink()
        print(f"{options.output} would have {size} bytes; allowed: {options.max_bytes}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
