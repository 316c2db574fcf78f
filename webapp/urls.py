"""All addresses of the site."""

from django.contrib import admin
from django.urls import include, path

from leaderboard.api import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("api/", include("leaderboard.api.urls")),
    path("admin/", admin.site.urls),
]
