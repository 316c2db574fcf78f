"""Tests: fast password hashes, mail in memory, a broker nobody reads, a throw-away state folder."""

import tempfile
from pathlib import Path

from webapp.settings.base import *
from webapp.settings.base import DATABASES, REST_FRAMEWORK

_folder = tempfile.TemporaryDirectory(prefix="algoperf-test-")  # removed when the interpreter ends
STATE = Path(_folder.name)
SITE_STATE = STATE / "site"
BROKER_STATE = STATE / "broker"
FILES_DIRECTORY = SITE_STATE / "files"
STATIC_ROOT = SITE_STATE / "static"
EMAIL_FILE_PATH = SITE_STATE / "mail"
SITE_STATE.mkdir()
STATIC_ROOT.mkdir()
WHITENOISE_USE_FINDERS = False  # tests that need the static files start a real server
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
ACCOUNT_RATE_LIMITS = False  # a test that is about the limits sets its own

SECRET_KEY = "only for tests"  # noqa: S105
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
BROKER_URL = CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT, CELERY_BROKER_TRANSPORT_OPTIONS = None, {}
REST_FRAMEWORK = {**REST_FRAMEWORK, "DEFAULT_THROTTLE_CLASSES": []}

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, because tests with threads need the real locks that a memory database does not have.
    DATABASES["default"]["TEST"] = {"NAME": str(SITE_STATE / "test.sqlite3")}
