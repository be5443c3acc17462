"""Reads a form out of a page as a browser would, so that tests send what a person without JavaScript sends."""

from __future__ import annotations

from html.parser import HTMLParser

from django.test import Client

FORM = "connection-form"


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.buttons: list[str] = []
        self.controls: dict[str, dict[str, str]] = {}  # name -> attributes
        self._inside = False
        self._area = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._inside = given.get("id") == FORM
        elif not self._inside or not (name or tag == "option"):
            return
        elif tag == "button":
            self.buttons.append(name)
        elif tag == "input":
            self.controls[name] = given
            if given.get("type") != "checkbox":
                self.values[name] = given.get("value", "")
            elif "checked" in given:
                self.values[name] = "on"
        elif tag == "textarea":
            self.controls[name] = given
            self.values[name] = ""
            self._area = name
        elif tag == "select":
            self.controls[name] = given
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self.values):
            self.values[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.values[self._area] += data.removeprefix("\n")


class FormPage:
    """A page with the form of a connection: what stands in it, and pressing its buttons."""

    def __init__(self, client: Client, url: str) -> None:
        self.client = client
        self.url = url
        self._take(client.get(url))

    def fill(self, **typed: str | None) -> FormPage:
        """Type values by name, with __ for the colons of a path; None empties a checkbox."""
        for name, value in typed.items():
            where = name.replace("__", ":")
            if value is None:
                self.values.pop(where, None)
            else:
                self.values[where] = value
        return self

    def press(self, button: str) -> FormPage:
        """Send the form; the values are then those of the page that came back, if one did."""
        assert button in self.buttons
        self._take(self.client.post(self.url, {**self.values, button: "1"}))
        return self

    def count(self, path: str) -> int:
        """How many entries the list at path has."""
        return len(
            {name.removeprefix(f"{path}:").split(":")[0] for name in self.controls if name.startswith(f"{path}:")}
        )

    @property
    def focused(self) -> list[str]:
        return [name for name, attributes in self.controls.items() if "autofocus" in attributes]

    @property
    def invalid(self) -> list[str]:
        return [name for name, attributes in self.controls.items() if attributes.get("aria-invalid") == "true"]

    def _take(self, response: object) -> None:
        self.response = response
        self.html = response.content.decode()  # type: ignore[attr-defined]
        parser = _Form()
        parser.feed(self.html)
        self.values, self.buttons, self.controls = parser.values, parser.buttons, parser.controls
