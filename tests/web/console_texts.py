"""What the tests of the translations stand on: the catalogue's entries, and the words that a person reads on a page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

CATALOGUE = Path(__file__).resolve().parents[2] / "config" / "locale" / "pt_BR" / "LC_MESSAGES" / "django.po"
FIELD = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\n?)+)', re.MULTILINE)
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
NO_WORDS = re.compile(r"%\(\w+\)s|/[\w./-]+|[^\W_]+_\w+")
WORD = re.compile(r"[^\W\d_]{3,}")

UNREAD = ("script", "style", "svg", "code", "pre")
VOID = ("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "rect", "path", "use")
SPOKEN = ("title", "aria-label", "placeholder", "data-label")


@dataclass(frozen=True)
class Message:
    """One entry of the catalogue; source and target hold the singular, and the plural where there is one."""

    context: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    is_guessed: bool

    @property
    def key(self) -> str:
        return f"{self.context}: {self.source[0]}" if self.context else self.source[0]


def messages() -> list[Message]:
    """Return the entries of the pt-BR catalogue."""
    found = []
    for block in CATALOGUE.read_text("utf-8").split("\n\n")[1:]:
        kept = "\n".join(line for line in block.splitlines() if not line.startswith("#~")) + "\n"
        fields = {name: "".join(map(ast.literal_eval, text.split("\n")[:-1])) for name, text in FIELD.findall(kept)}
        if not fields:
            continue
        source = tuple(fields[name] for name in ("msgid", "msgid_plural") if name in fields)
        target = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
        is_guessed = any(line.startswith("#,") and "fuzzy" in line for line in block.splitlines())
        found.append(Message(fields.get("msgctxt", ""), source, target, is_guessed))
    return found


def words_of(text: str) -> set[str]:
    """Return the words of a text, small; not what stands for a value, nor paths, codes and what is all capitals."""
    return {word.lower() for word in WORD.findall(NO_WORDS.sub(" ", text)) if not word.isupper()}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unread: list[str] = []  # the open element that is not read, and what is open inside it

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if self._unread or tag in UNREAD or ("lang" in given and tag != "html"):
            if tag not in VOID:
                self._unread.append(tag)
            return
        self.texts += [text for name in SPOKEN if (text := given.get(name))]
        if tag == "input" and given.get("type") == "submit":
            self.texts.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        if self._unread and tag in self._unread:
            while self._unread.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._unread and data.strip():
            self.texts.append(data.strip())


def texts_read(html: str) -> Iterator[str]:
    """Yield what a page shows or says aloud; code and what is marked as another language are left out."""
    reader = _Reader()
    reader.feed(html.replace("<wbr>", ""))  # a word goes on after it
    yield from reader.texts
