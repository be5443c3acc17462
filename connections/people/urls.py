from __future__ import annotations

from django.urls import path

from connections.people import account_views, views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path("preferences/", views.preferences, name="preferences"),
    path("profile/", views.profile, name="profile"),
    path("users/", account_views.users, name="users"),
    path("users/new/", account_views.user_new, name="user_new"),
    path("users/<int:pk>/", account_views.user, name="user"),
    path("users/<int:pk>/active/", account_views.user_active, name="user_active"),
    path("users/<int:pk>/password/", account_views.user_password, name="user_password"),
    path("users/<int:pk>/unlock/", account_views.user_unlock, name="user_unlock"),
    path("welcome/<uidb64>/<token>/", account_views.Welcome.as_view(), name="welcome"),
]
