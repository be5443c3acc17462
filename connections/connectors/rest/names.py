"""Names for tables and columns, made from what a source calls things."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from hashlib import blake2b

LONGEST_COLUMN = 60
LONGEST_TABLE = 60


def snake(text: str) -> str:
    """Return text as a column name: "dataEmissãoNF.valor" -> "data_emissao_nf_valor"; "" when nothing is left."""
    plain = "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )
    split = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", plain))
    name = re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")
    return f"n{name}" if name[:1].isdigit() else name


def free(wanted: str, taken: Container[str]) -> str:
    """Return wanted, or wanted with the first number that is not taken, as a column name that fits."""
    wanted = (wanted or "column")[:LONGEST_COLUMN].rstrip("_")
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted[: LONGEST_COLUMN - 4]}_{number}"
    return name


def fitted(name: str, longest: int) -> str:
    """Return name, or its beginning and a hash of the whole when databases would cut it."""
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9]}_{blake2b(name.encode(), digest_size=4).hexdigest()}"
