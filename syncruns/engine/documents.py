"""Keeps the documents of pages, in the transaction that loads their rows, and gives them back."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connections.sdk import declare
from syncruns.engine.context import Log
from syncruns.models import Document, SyncRun

LARGEST = 32 * 2**20  # bytes of one document
LONGEST_NAME = 200
AT_ONCE = 500  # hashes of one query


@dataclass(frozen=True)
class Packed:
    """A document as it is stored; made before the transaction, so that nobody waits for it."""

    given: declare.Document
    body: bytes
    is_compressed: bool


def packed(connection_id: int, documents: Sequence[declare.Document]) -> list[Packed]:
    """Return those of documents that the connection has not yet, each once and not over LARGEST bytes, compressed."""
    if not documents:
        return []
    known = _known(connection_id, [document.sha256 for document in documents])
    fresh = {one.sha256: one for one in documents if one.sha256 not in known and len(one.content) <= LARGEST}
    return [_packed(document) for document in fresh.values()]


def keep(run: SyncRun, stream: str, documents: Sequence[Packed], log: Log) -> None:
    """Store documents, inside the transaction of the rows that name them."""
    if not documents:
        return
    Document.objects.bulk_create(
        [
            Document(
                connection_id=run.connection_id,
                source=run.connection.name,
                sha256=one.given.sha256,
                name=_plain_name(one.given.name),
                content_type=one.given.content_type[:100],
                size=len(one.given.content),
                body=one.body,
                stored_size=len(one.body),
                is_compressed=one.is_compressed,
                run_id=run.pk,
            )
            for one in documents
        ],
        ignore_conflicts=True,  # an earlier part of the same group may have brought it
        batch_size=20,
    )
    log.add("info", "documents_kept", stream, count=len(documents))


def note_too_large(stream: str, documents: Iterable[declare.Document], log: Log) -> None:
    """Say which documents are not kept because of their size; the rows that name them are loaded all the same."""
    for document in documents:
        if len(document.content) > LARGEST:
            megabytes = round(len(document.content) / 2**20)
            log.add("warning", "document_too_large", stream, megabytes=megabytes, most=LARGEST // 2**20)


def kept_document(connection_id: int, sha256: str) -> declare.Document | None:
    """Return a document of the connection as its connector gave it."""
    found = Document.objects.filter(connection=connection_id, sha256=sha256).first()
    return declare.Document(found.content, found.content_type, found.name) if found is not None else None


def _known(connection_id: int, hashes: Sequence[str]) -> set[str]:
    known: set[str] = set()
    for start in range(0, len(hashes), AT_ONCE):
        some = Document.objects.filter(connection=connection_id, sha256__in=hashes[start : start + AT_ONCE])
        known.update(some.values_list("sha256", flat=True))
    return known


def _packed(document: declare.Document) -> Packed:
    body = zlib.compress(document.content)
    is_smaller = len(body) < len(document.content)
    return Packed(document, body if is_smaller else document.content, is_smaller)


def _plain_name(name: str) -> str:
    """Return the name of a file without what a path or a header could make of it."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).encode("utf-8", "ignore").decode()[:LONGEST_NAME]
