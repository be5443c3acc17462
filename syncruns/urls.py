from __future__ import annotations

from django.urls import path

from syncruns.views import actions, audit, connections, overview, review, runs, schedule, system

urlpatterns = [
    path("", overview.overview, name="overview"),
    path("sample/", actions.sample_create, name="sample_create"),
    path("connections/", connections.connections, name="connections"),
    path("connections/<slug:slug>/", connections.connection, name="connection"),
    path("connections/<slug:slug>/row/", connections.connection_row, name="connection_row"),
    path("connections/<slug:slug>/runs/", connections.connection_runs, name="connection_runs"),
    path("connections/<slug:slug>/schedule/", schedule.connection_schedule, name="connection_schedule"),
    path("connections/<slug:slug>/pause/", schedule.connection_pause, name="connection_pause"),
    path("connections/<slug:slug>/catch-up/", schedule.connection_catch_up, name="connection_catch_up"),
    path("connections/<slug:slug>/danger/", connections.connection_danger, name="connection_danger"),
    path("connections/<slug:slug>/auto-sync/", actions.connection_auto_sync, name="connection_auto_sync"),
    path("connections/<slug:slug>/sync/", actions.connection_sync, name="connection_sync"),
    path("connections/<slug:slug>/streams/<str:stream>/", actions.connection_stream, name="connection_stream"),
    path("connections/<slug:slug>/delete/", actions.connection_delete, name="connection_delete"),
    path("runs/", runs.runs, name="runs"),
    path("runs/<uuid:run_id>/", runs.run, name="run"),
    path("runs/<uuid:run_id>/progress/", runs.run_progress, name="run_progress"),
    path("runs/<uuid:run_id>/log.txt", runs.run_log, name="run_log"),
    path("runs/<uuid:run_id>/cancel/", actions.run_cancel, name="run_cancel"),
    path("runs/<uuid:run_id>/retry/", actions.run_retry, name="run_retry"),
    path("review/", review.review, name="review"),
    path("review/records/", review.review_decide, name="review_decide"),
    path("review/records/<int:pk>/", review.review_record, name="review_record"),
    path("review/records/<int:pk>/discard/", review.review_discard, name="review_discard"),
    path("review/records/<int:pk>/reopen/", review.review_reopen, name="review_reopen"),
    path("audit/", audit.audit, name="audit"),
    path("system/", system.system, name="system"),
    path("system/sources/", system.system_sources, name="system_sources"),
]
