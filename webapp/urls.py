"""All addresses of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from leaderboard.api import health

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # one sign-in, second factor included

urlpatterns = [
    path("", include("leaderboard.urls")),
    path("account/", include("allauth.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("api/", include("leaderboard.api.urls")),
    path("admin/", admin.site.urls),
]
handler400 = "leaderboard.views.errors.bad_request"
handler403 = "leaderboard.views.errors.permission_denied"
handler404 = "leaderboard.views.errors.not_found"
handler500 = "leaderboard.views.errors.server_error"
