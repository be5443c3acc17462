"""What connections tell the rooms above them, which they may not import."""

from __future__ import annotations

from django.dispatch import Signal

# Slots that are due, and that a new plan leaves behind. connection; schedule: the one that made them; first: the
# earliest (aware); now (aware). Sent inside the transaction that plans anew.
slots_left = Signal()
