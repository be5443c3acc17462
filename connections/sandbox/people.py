"""Invented Brazilian customers: names, cities and CPF or CNPJ numbers whose check digits are right."""

from __future__ import annotations

from random import Random
from typing import Any

FIRST_NAMES = (
    "Ana", "Antônio", "Beatriz", "Caio", "Camila", "Conceição", "Eduardo", "Fernanda", "Inês", "Joaquim", "José",
    "Júlia", "Larissa", "Luís", "Márcia", "Otávio", "Patrícia", "Rafael", "Sônia", "Tainá", "Vitória", "Zélia",
)  # fmt: skip
LAST_NAMES = (
    "Almeida", "Araújo", "Barbosa", "Cândido", "Cardoso", "Conceição", "Esteves", "Ferraz", "Gonçalves", "Guimarães",
    "Leão", "Magalhães", "Moraes", "Nascimento", "Oliveira", "Peçanha", "Queiróz", "Ribeiro", "Simões", "Vasconcelos",
)  # fmt: skip
TRADES = ("Comércio de Tintas", "Distribuidora", "Materiais de Construção", "Mercearia", "Padaria", "Instalações")
CITIES = (
    ("São Paulo", "SP"), ("Belo Horizonte", "MG"), ("Goiânia", "GO"), ("Florianópolis", "SC"), ("Cuiabá", "MT"),
    ("João Pessoa", "PB"), ("Maceió", "AL"), ("Ribeirão Preto", "SP"), ("Vitória", "ES"), ("São Luís", "MA"),
)  # fmt: skip


def customer(number: int, seed: int) -> dict[str, Any]:
    """Return the unchanging part of customer number: every fourth is a company with a CNPJ."""
    random = Random(f"{seed}/customer/{number}")  # noqa: S311 - sample data, no secret
    is_company = number % 4 == 0
    middle, last = random.sample(LAST_NAMES, 2)
    first = random.choice(FIRST_NAMES)
    name = f"{random.choice(TRADES)} {last} Ltda." if is_company else f"{first} {middle} {last}"
    return {
        "id": number,
        "name": name,
        "kind": "company" if is_company else "person",
        "document": cnpj(random) if is_company else cpf(random),
        "email": f"cliente{number}@example.com",
    }


def cpf(random: Random) -> str:
    """Return a CPF as people write it, 000.000.000-00."""
    digits = [random.randrange(10) for _ in range(9)]
    for length in (9, 10):
        digits.append(_check_digit(digits, range(length + 1, 1, -1)))
    return "{}{}{}.{}{}{}.{}{}{}-{}{}".format(*digits)


def cnpj(random: Random) -> str:
    """Return a company's CNPJ as people write it, 00.000.000/0001-00."""
    digits = [random.randrange(10) for _ in range(8)] + [0, 0, 0, 1]
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        digits.append(_check_digit(digits, weights))
    return "{}{}.{}{}{}.{}{}{}/{}{}{}{}-{}{}".format(*digits)


def _check_digit(digits: list[int], weights: range | tuple[int, ...]) -> int:
    rest = sum(digit * weight for digit, weight in zip(digits, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest
