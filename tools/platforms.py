"""Ask the package index whether the locked versions can be installed everywhere; installs nothing.

Usage: platforms.py

For each Python and platform, uv looks for a built package (wheel) of every version in the two
locks. Fails if one is missing, and says which. uv and not pip, since pip reads the markers of the
lock for the machine that it runs on.
"""

import subprocess
import sys
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.txt", "tests/requirements.txt")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# the oldest system of each kind that uv knows and TensorFlow has wheels for
PLATFORMS = {
    "Linux, Intel and AMD": "x86_64-manylinux_2_28",
    "Linux, ARM": "aarch64-manylinux_2_28",
    "macOS, Apple silicon": "aarch64-apple-darwin",
    "Windows, Intel and AMD": "x86_64-pc-windows-msvc",
}


def missing(python, platform, locks=LOCKS):
    """What keeps the locked versions from being installed there; empty if nothing does."""
    with TemporaryDirectory() as target:
        command = ["pip", "install", "--dry-run", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--python-version", python, "--python-platform", platform, "--target", target]
        for lock in locks:
            command += ["--requirement", ROOT / lock]
        made = subprocess.run(
            [sys.executable, "-m", "uv", *command], cwd=ROOT, capture_output=True, text=True
        )
    return "" if made.returncode == 0 else made.stderr.strip()


def main():
    """Print a line for each combination."""
    failed = False
    for (name, platform), python in product(PLATFORMS.items(), PYTHONS):
        cause = missing(python, platform)
        print(f"{name}, Python {python}: {cause or 'complete'}", flush=True)
        failed |= bool(cause)
    sys.exit(failed)


if __name__ == "__main__":
    main()
