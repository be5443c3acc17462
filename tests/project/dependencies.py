"""Looks for known holes in the locked packages, where an index of them can be reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.txt", "--require-hashes"]
    command += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS).stdout
        packages = json.loads(answer)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        print("The index of known holes cannot be reached: the packages are not audited.")
        return 0
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if unknown:
        print(f"{len(unknown)} of {len(packages)} packages are not in the index of known holes that can be reached.")
    holes = [(package["name"], package["version"], hole) for package in packages for hole in package.get("vulns", ())]
    for name, version, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no version yet"
        print(f"{name} {version}: {hole['id']}, fixed in {fixed}")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main())
