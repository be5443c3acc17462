"""How far a reset has come: what it read lies beside the stored rows until all of it takes their place."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.utils import timezone

from connections.models import Connection
from syncruns.models.checkpoint import Checkpoint
from syncruns.models.run import StreamRun


class Reset(models.Model):
    """The newest reset of one stream. Whoever goes on with it must be of the same order, and the first since."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="resets")
    stream = models.CharField(max_length=60)
    order = models.CharField(max_length=40)  # a person's; every run that carries it out has it in its options
    basis = models.CharField(max_length=64)  # of settings and declaration: under others it starts over
    fence = models.PositiveBigIntegerField()  # of the checkpoint: a higher one says that somebody else wrote since
    state = models.JSONField(null=True)  # the read's own checkpoint: from here it goes on
    row = models.ForeignKey(StreamRun, null=True, on_delete=models.SET_NULL, related_name="+")  # that counts
    moved_by = models.UUIDField(null=True)  # the run in which the read last moved on
    met = models.JSONField(default=dict)  # table -> records and keys that the source showed
    nameless = models.JSONField(default=dict)  # table -> records whose key could not be read
    open_sweeps = models.JSONField(default=list)  # tables whose list the source began to show and did not complete
    overtaken = models.JSONField(default=list)  # corrections that end when the rows are in place
    is_read = models.BooleanField(default=False)
    is_done = models.BooleanField(default=False)
    began_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "stream"], name="one_reset_per_stream")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.stream}"

    @classmethod
    def follow(cls, checkpoint: Checkpoint, order: str) -> None:
        """Note, in the transaction that takes the checkpoint, that it was taken to go on with the order's reset."""
        of_stream = cls.objects.filter(connection=checkpoint.connection_id, stream=checkpoint.stream, order=order)
        of_stream.filter(fence=checkpoint.fence - 1).update(fence=checkpoint.fence)

    def count_on(self, row: StreamRun) -> None:
        """Let another run's stream count what was read before it."""
        before = self.row
        if before is not None and before.pk != row.pk:
            counted = {name: F(name) + getattr(before, name) for name in (*StreamRun.COUNTED, "pages")}
            StreamRun.objects.filter(pk=row.pk).update(**counted)
        self.row = row
        self.save(update_fields=["row"])
