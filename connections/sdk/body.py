"""Reads an answer's body within a bound, also after decompression, so that no bomb fills the memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Protocol

from connections.sdk.errors import SyncError

CHUNK_BYTES = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
RAW_DEFLATE = -zlib.MAX_WBITS


class Raw(Protocol):
    """The part of urllib3's response that is used."""

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes: ...


def read_body(raw: Raw, encoding: str, limit: int, tick: Callable[[], None]) -> bytes:
    """Return the decoded body of at most limit bytes; tick is called after each chunk.

    Raises SyncError bad_response with reason too_large, truncated or encoding.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        parts = []
        size = 0
        while chunk := raw.read1(CHUNK_BYTES, decode_content=False):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            parts.append(chunk)
            tick()
        return b"".join(parts)
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise SyncError("bad_response", detail=f"content encoding {coding[:40]}", reason="encoding")
    inflater = _Inflater(limit)
    while chunk := raw.read1(CHUNK_BYTES, decode_content=False):
        inflater.feed(chunk)
        tick()
    return inflater.finish()


class _Inflater:
    """Decompress gzip (several members too), zlib and bare deflate, never making more than limit bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._started = False
        self._stream = zlib.decompressobj(GZIP_OR_ZLIB)

    def feed(self, data: bytes) -> None:
        while data:
            piece = self._decompress(data)
            self._started = True
            self._size += len(piece)
            if self._size > self._limit:
                raise _too_large(self._limit)
            self._parts.append(piece)
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                # What follows the end is another member, or padding that browsers ignore too.
                data = self._stream.unused_data
                if not data.startswith(GZIP_MAGIC):
                    return
                self._stream = zlib.decompressobj(GZIP_OR_ZLIB)

    def finish(self) -> bytes:
        if self._started and not self._stream.eof:
            raise SyncError("bad_response", reason="truncated")
        return b"".join(self._parts)

    def _decompress(self, data: bytes) -> bytes:
        if self._stream.eof:
            return b""
        room = self._limit - self._size + 1  # one more than allowed shows that it is too much
        try:
            return self._stream.decompress(data, room)
        except zlib.error:
            if not self._started:
                try:  # "deflate" should be zlib; some servers send it bare
                    self._stream = zlib.decompressobj(RAW_DEFLATE)
                    return self._stream.decompress(data, room)
                except zlib.error:
                    pass
        raise SyncError("bad_response", detail="the compressed body is damaged", reason="encoding")


def _too_large(limit: int) -> SyncError:
    return SyncError("bad_response", reason="too_large", limit=limit)
