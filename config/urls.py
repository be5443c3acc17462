from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
    path("", include("connections.people.urls")),
    path("", include("connections.urls")),
    path("", include("syncruns.urls")),
]
handler400 = "connections.people.views.bad_request"
handler500 = "connections.people.views.server_error"
