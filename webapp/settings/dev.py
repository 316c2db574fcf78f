"""The embedded edition: one machine, no other service. `make run` and `manage.py` use it."""

from webapp.settings.base import *
from webapp.settings.base import BROKER_STATE, SITE_STATE, STATIC_ROOT, env
from webapp.state import secret_file

for folder in (SITE_STATE, STATIC_ROOT, BROKER_STATE / "messages", BROKER_STATE / "control"):
    folder.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="") or secret_file(SITE_STATE / "secret_key")

EMAIL_BACKEND = "leaderboard.mail.KeptMailBackend"  # shown in the terminal and kept as files
