"""What the documents promise is there."""

from __future__ import annotations

import re

import pytest

from connections.connectors import REGISTRY
from connections.defaults import variables_of
from connections.switches import variable_of
from tests.console import ROOT

DOCS = (ROOT / "docs").glob("*.md")
READ = re.compile(r'(?:env\.(?:str|list)\(|environ\.get\(|environment\.\w+\(env, |env, )"([A-Z_]+)"')
INTERNAL = {"SINCRO_PROCESS"}  # the supervisor tells its children who they are


def test_every_setting_is_explained_in_the_example() -> None:
    source = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    read = set(READ.findall(source)) - INTERNAL
    read |= {name for connector in REGISTRY for name in variables_of(connector)}
    read |= {variable_of(connector.kind) for connector in REGISTRY}
    example = (ROOT / ".env.example").read_text()
    assert len(read) > 20
    assert set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)) == read
    assert not re.search(r"^[A-Z_]+=", example, re.MULTILINE), "a copied example must change nothing"


@pytest.mark.parametrize("name", ["README.md", "README.pt-BR.md"])
def test_readme_begins_with_the_two_commands_and_lists_the_others(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.search(r"```sh\ngit clone .*\nmake run\n```", text[:200])
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)) - {"help"}
    assert targets == set(re.findall(r"`make ([a-z-]+)`", text))


@pytest.mark.parametrize(
    "name", ["README.md", "README.pt-BR.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in DOCS)]
)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text()
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in linked if not ((ROOT / name).parent / link).exists()] == []


def test_readmes_have_the_same_chapters_and_code() -> None:
    english, portuguese = ((ROOT / name).read_text() for name in ("README.md", "README.pt-BR.md"))
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", portuguese, re.MULTILINE))
    assert _commands(english) == _commands(portuguese)


def _commands(text: str) -> list[str]:
    return re.findall(r"^ +([A-Z_a-z]+)=", text, re.MULTILINE)
