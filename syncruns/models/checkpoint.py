"""How far each stream has been read, committed with the rows below it."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from connections.models import Connection
from syncruns.models.run import SyncRun


class Checkpoint(models.Model):
    """A stream's state (the connector's JSON) and the fence that every load must still own."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, verbose_name=_("connection"), related_name="checkpoints"
    )
    stream = models.CharField(_("stream"), max_length=60)
    state = models.JSONField(null=True, blank=True)
    declared = models.JSONField(default=dict)  # table -> column -> type, when it was last read
    run = models.ForeignKey(
        SyncRun, null=True, blank=True, on_delete=models.SET_NULL, verbose_name=_("run"), related_name="+"
    )
    token = models.UUIDField(null=True, blank=True)  # the claim that may write now
    fence = models.PositiveBigIntegerField(default=0)
    committed_at = models.DateTimeField(_("saved"), null=True, blank=True)

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")
        constraints = [models.UniqueConstraint(fields=["connection", "stream"], name="one_checkpoint_per_stream")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.stream}"

    @classmethod
    def taken(cls, run: SyncRun, stream: str) -> Checkpoint:
        """Give the run the right to write, and take it from whoever had it. Only in a transaction."""
        locked = cls.objects.select_for_update()
        checkpoint, _created = locked.get_or_create(connection=run.connection, stream=stream)
        checkpoint.token, checkpoint.fence, checkpoint.run = run.token, checkpoint.fence + 1, run
        checkpoint.save(update_fields=["token", "fence", "run"])
        return checkpoint

    def own(self, run: SyncRun, state: dict[str, object] | None = None) -> bool:
        """Lock the row for this transaction, and move it to a state; False: the run must write nothing.

        It was taken over, or reads a source that the connection's settings name no more.
        """
        its_source = Connection.objects.filter(pk=self.connection_id, source_number=run.connection.source_number)
        mine = type(self).objects.filter(Exists(its_source), pk=self.pk, token=run.token, fence=self.fence)
        if state is None:
            return bool(mine.update(fence=self.fence))
        now = timezone.now()
        if not mine.update(state=state, committed_at=now):
            return False
        self.state, self.committed_at = state, now
        return True

    def save_state(self, state: dict[str, object]) -> None:
        """Move the checkpoint. Only inside the transaction that own() began."""
        self.state = state
        self.committed_at = timezone.now()
        self.save(update_fields=["state", "committed_at"])
