"""Keeps the translations complete and compiled: `python -m tests.project.catalogues` says what is stale.

--collect brings config/locale up to date with the source; --compile compiles it.
"""

from __future__ import annotations

import argparse
import gettext
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "connections", "syncruns", "templates")
LANGUAGE = "pt_BR"  # the texts in the source are English
CATALOGUE = Path("config", "locale", LANGUAGE, "LC_MESSAGES", "django.po")


def collect(root: Path) -> None:
    """Write the catalogue anew from the texts in root's source."""
    command = [sys.executable, "manage.py", "makemessages", "--locale", LANGUAGE, "--add-location", "file", "--no-wrap"]
    ignored = [flag for path in (".venv", "tests", "benchmarks", "var") for flag in ("--ignore", path)]
    subprocess.run([*command, *ignored, "--verbosity", "0"], cwd=root, check=True)
    catalogue = root / CATALOGUE
    # The date alone is no change.
    catalogue.write_text(re.sub(r'"POT-Creation-Date: .*\n', "", catalogue.read_text("utf-8")), "utf-8")


def compile_catalogue(root: Path) -> None:
    """Compile the catalogue, checking its placeholders."""
    source = root / CATALOGUE
    subprocess.run(["msgfmt", "--check", "-o", source.with_suffix(".mo"), source], check=True)


def complaints() -> list[str]:
    """Return what is stale or missing in the catalogue, one line each."""
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home)
        for room in ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "static"))
        shutil.copy(ROOT / "manage.py", copy)
        collect(copy)
        found = []
        if not (ROOT / CATALOGUE).exists() or (copy / CATALOGUE).read_bytes() != (ROOT / CATALOGUE).read_bytes():
            found.append("texts in the source have changed: make messages, then translate")
        for flag, what in (("--untranslated", "not translated"), ("--only-fuzzy", "only guessed (fuzzy)")):
            found += [f"{what}: {text}" for text in _texts(copy / CATALOGUE, flag)]
        compile_catalogue(copy)
        if _compiled(copy) != _compiled(ROOT):
            found.append("the compiled catalogue is stale: make compile-messages")
    return found


def _texts(catalogue: Path, flag: str) -> list[str]:
    """Return the source texts of the entries that msgattrib picks out."""
    command = ["msgattrib", "--no-obsolete", "--no-wrap", flag, catalogue]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = re.findall(r'^msgid ((?:".*"\n)+)', listed, re.MULTILINE)
    texts = ("".join(re.findall(r'"(.*)"', entry)) for entry in entries)
    return [text for text in texts if text]


def _compiled(root: Path) -> object:
    path = (root / CATALOGUE).with_suffix(".mo")
    if not path.exists():
        return None
    with path.open("rb") as file:
        return gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # there is no public way


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collect", action="store_true")
    parser.add_argument("--compile", action="store_true")
    asked = parser.parse_args()
    if not shutil.which("msgfmt"):
        print("gettext is not installed: the translations are not checked.")
        return 1 if os.environ.get("CI") or asked.collect or asked.compile else 0
    if asked.collect:
        collect(ROOT)
        return 0
    if asked.compile:
        compile_catalogue(ROOT)
        return 0
    found = complaints()
    for line in found:
        print(f"{CATALOGUE}: {line}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
