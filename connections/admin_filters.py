"""Filters of the admin's lists that call values what people call them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext

from connections.connectors import connector_class
from connections.people.roles import LABELS
from connections.sdk.errors import SyncError


class WordedValues(admin.AllValuesFieldListFilter):
    """Offers the values that have a name: a link must say where it leads."""

    def words(self, value: str) -> str:
        """Return what people call a value."""
        return value

    def choices(self, changelist: Any) -> Iterator[Any]:
        everything, *values = super().choices(changelist)
        yield everything
        named = [choice | {"display": self.words(str(choice["display"]))} for choice in values if choice["display"]]
        yield from sorted(named, key=lambda choice: choice["display"].casefold())


class Kinds(WordedValues):
    """Kinds of source, by what their connectors call them."""

    def words(self, value: str) -> str:
        return kind_words(value)


class Models(WordedValues):
    """What an event was done to, by what its model is called."""

    def words(self, value: str) -> str:
        names = {model._meta.model_name: model._meta.verbose_name for model in apps.get_models()}
        return capfirst(str(names.get(value, value)))


class Roles(admin.RelatedFieldListFilter):
    """Groups of users, by what the roles are called."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        found = super().field_choices(field, request, model_admin)
        return [(pk, LABELS.get(str(name), name)) for pk, name in found]


def kind_words(kind: str) -> str:
    """Return what people call a kind; the kind itself where its connector is not installed."""
    try:
        return gettext(connector_class(kind).label)
    except SyncError:
        return kind
