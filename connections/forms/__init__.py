"""The form of a connection, made from what its connector declares; no kind has a form of its own."""

from connections.forms.connection import ConnectionForm
from connections.forms.drawing import Drawing

__all__ = ["ConnectionForm", "Drawing"]
