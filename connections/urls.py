from __future__ import annotations

from django.urls import path

from connections import views

urlpatterns = [
    path("connections/new/", views.connection_new, name="connection_new"),
    path("connections/new/<slug:kind>/", views.connection_new_kind, name="connection_new_kind"),
    path("connections/<slug:slug>/settings/", views.connection_edit, name="connection_edit"),
    path("schedule-preview/", views.schedule_preview, name="schedule_preview"),
]
