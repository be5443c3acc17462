from connections.models.audit import AuditEvent
from connections.models.connection import Connection, StreamSetting
from connections.models.preference import UserPreference
from connections.models.rate import RateBucket

__all__ = ["AuditEvent", "Connection", "RateBucket", "StreamSetting", "UserPreference"]
