"""For each unit of a build its path and a hash of all of ours that goes into it, each ended by a NUL.

usage: unit_hashes.py ROOT BUILD UNIT...

What a unit includes is known where it was compiled (ninja -t deps); one that was not depends on every header of ours.
"""

import hashlib
import subprocess
import sys
from pathlib import Path


def included(build: Path) -> dict[str, set[str]]:
    """By unit, what its objects were made of; a stale record says nothing."""
    made: dict[str, set[str]] = {}
    text = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=False).stdout
    for block in text.split("\n\n"):
        head, *files = block.splitlines() or [""]
        if files and head.endswith("(VALID)"):
            paths = [str((build / name.strip()).resolve()) for name in files]
            made.setdefault(paths[0], set()).update(paths)
    return made


def main(root: Path, build: Path, units: list[str]) -> None:
    ours = str(root) + "/"
    headers = {str(path) for folder in ("src", "apps", "tests", "bench") for path in (root / folder).rglob("*.h")}
    known = included(build)
    contents: dict[str, bytes] = {}
    for unit in units:
        digest = hashlib.sha256((root / ".clang-tidy").read_bytes())
        for path in sorted(name for name in known.get(unit, headers) | {unit} if name.startswith(ours)):
            if path not in contents:
                contents[path] = Path(path).read_bytes() if Path(path).exists() else b""
            digest.update(path.removeprefix(ours).encode() + b"\0" + contents[path])
        print(unit, digest.hexdigest(), sep="\0", end="\0")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
