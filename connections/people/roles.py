"""Who may do what: three roles, each a Django group whose permissions are set here and nowhere else."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.utils.translation import gettext_lazy as _

VIEWER = "viewer"
OPERATOR = "operator"
ADMINISTRATOR = "administrator"

LABELS = {VIEWER: _("Viewer"), OPERATOR: _("Operator"), ADMINISTRATOR: _("Administrator")}

BROWSE_ROWS = "connections.browse_rows"
EXPORT_ROWS = "connections.export_rows"
SEE_PERSONAL_DATA = "connections.see_personal_data"

_VIEW = {
    BROWSE_ROWS,
    "connections.view_connection",
    "connections.view_streamsetting",
    "syncruns.view_change",
    "syncruns.view_checkpoint",
    "syncruns.view_correction",
    "syncruns.view_quarantinedrecord",
    "syncruns.view_streamrun",
    "syncruns.view_synclog",
    "syncruns.view_syncrun",
}
# Documents are bills and the like: whoever opens them sees personal data.
_OPERATE = {
    EXPORT_ROWS,
    SEE_PERSONAL_DATA,
    "connections.operate_connection",
    "connections.test_connection",
    "syncruns.view_document",
    "syncruns.view_systemjob",
}
# An app's name with a star is every permission of that app.
_ADMINISTER = {"connections.*", "syncruns.*", "auth.*_user", "auth.*_group", "admin.view_logentry"}

ROLES: dict[str, set[str]] = {
    VIEWER: _VIEW,
    OPERATOR: _VIEW | _OPERATE,
    ADMINISTRATOR: _ADMINISTER,
}


def _is_granted(permission: Permission, wanted: set[str]) -> bool:
    app, code = permission.content_type.app_label, permission.codename
    subject = code.rsplit("_", 1)[-1]
    return not wanted.isdisjoint({f"{app}.{code}", f"{app}.*", f"{app}.*_{subject}"})


def ensure_roles(**_signal: Any) -> None:
    """Create the roles' groups and give each exactly its permissions. Runs after every migrate."""
    permissions = list(Permission.objects.select_related("content_type"))
    for role, wanted in ROLES.items():
        group, _created = Group.objects.get_or_create(name=role)
        granted = {permission.pk for permission in permissions if _is_granted(permission, wanted)}
        if granted != set(group.permissions.values_list("pk", flat=True)):
            group.permissions.set(granted)


def may_see_personal(user: User | AnonymousUser) -> bool:
    """Say whether the user sees the values of personal columns: who only views does not."""
    return user.has_perm(SEE_PERSONAL_DATA)


def role_of(user: User | AnonymousUser) -> str:
    """Return the user's highest role, "" when there is none. A superuser is an administrator."""
    if not user.is_authenticated or not user.is_active:
        return ""
    if user.is_superuser:
        return ADMINISTRATOR
    names = set(user.groups.values_list("name", flat=True))
    return next((role for role in (ADMINISTRATOR, OPERATOR, VIEWER) if role in names), "")
