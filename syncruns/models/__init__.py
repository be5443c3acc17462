from syncruns.models.alert import Delivery, NotificationRule
from syncruns.models.backfill import Backfill
from syncruns.models.change import Change
from syncruns.models.checkpoint import Checkpoint
from syncruns.models.correction import Correction
from syncruns.models.document import Document
from syncruns.models.job import SystemJob
from syncruns.models.log import SyncLog
from syncruns.models.missed import DeleteBrake, MissedRow
from syncruns.models.quarantine import QuarantinedRecord
from syncruns.models.reset import Reset
from syncruns.models.run import StreamRun, SyncRun
from syncruns.models.token import ApiToken
from syncruns.models.webhook import ToldHealth, Webhook, WebhookDelivery

__all__ = [
    "ApiToken",
    "Backfill",
    "Change",
    "Checkpoint",
    "Correction",
    "DeleteBrake",
    "Delivery",
    "Document",
    "MissedRow",
    "NotificationRule",
    "QuarantinedRecord",
    "Reset",
    "StreamRun",
    "SyncLog",
    "SyncRun",
    "SystemJob",
    "ToldHealth",
    "Webhook",
    "WebhookDelivery",
]
