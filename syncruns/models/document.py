"""Files that connectors keep beside rows, compressed, in the database: one backup holds them too."""

from __future__ import annotations

import zlib

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection


class Document(models.Model):
    """One file, kept once per connection whatever number of rows name it by its sha256."""

    connection = models.ForeignKey(
        Connection, null=True, on_delete=models.SET_NULL, verbose_name=_("connection"), related_name="documents"
    )
    source = models.CharField(max_length=100)  # the connection's name, for when its data outlive it
    sha256 = models.CharField(max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    content_type = models.CharField(_("type"), max_length=100)
    size = models.PositiveBigIntegerField(_("size"))
    body = models.BinaryField()
    stored_size = models.PositiveBigIntegerField(_("stored"))
    is_compressed = models.BooleanField(default=True)
    kept_at = models.DateTimeField(_("kept since"), default=timezone.now)
    run_id = models.UUIDField(null=True)  # the run that brought it; runs are removed sooner

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ("-kept_at", "-id")
        constraints = [models.UniqueConstraint(fields=["connection", "sha256"], name="one_document_per_content")]
        indexes = [models.Index(fields=["-kept_at", "-id"], name="documents_newest")]

    def __str__(self) -> str:
        return self.name or self.sha256[:12]

    @property
    def content(self) -> bytes:
        """The file as it came."""
        body = bytes(self.body)
        return zlib.decompress(body) if self.is_compressed else body
