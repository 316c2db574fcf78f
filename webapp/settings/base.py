"""What every edition of the site shares. All that differs between machines comes from the environment."""

from typing import Any

import environ

from webapp.state import CHECKOUT, state_directory

env = environ.Env()

BASE_DIR = CHECKOUT
STATE = state_directory()
SITE_STATE = STATE / "site"
BROKER_STATE = STATE / "broker"

# --- Django -----------------------------------------------------------------------------------------------------

DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "leaderboard",  # before allauth: its account commands and templates win
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
]
MIDDLEWARE = [
    "leaderboard.middleware.request_ids",
    "leaderboard.middleware.bounded_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "leaderboard.middleware.private_pages",
]
ROOT_URLCONF = "webapp.urls"
WSGI_APPLICATION = "webapp.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "static/"
STATIC_ROOT = SITE_STATE / "static"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Database: SQLite in the state folder, PostgreSQL through DATABASE_URL ------------------------------------------

SQLITE_OPTIONS: dict[str, Any] = {
    # Writers queue up at BEGIN instead of failing in the middle; select_for_update does nothing on SQLite.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
}


def database(default_path: str) -> dict[str, Any]:
    """`DATABASE_URL`, or SQLite at `default_path` with the options that make concurrent writers safe."""
    config: dict[str, Any] = env.db_url("DATABASE_URL", default=f"sqlite:///{default_path}")
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {**config.get("OPTIONS", {}), **SQLITE_OPTIONS}
    else:
        config["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
        config["CONN_HEALTH_CHECKS"] = True
    return config


DATABASES = {"default": database(str(SITE_STATE / "site.sqlite3"))}

# --- Accounts -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "leaderboard.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "account"
LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "leaderboard.forms.SignupDetails"
ACCOUNT_FORMS = {
    "signup": "leaderboard.account_forms.SignupForm",
    "login": "leaderboard.account_forms.LoginForm",
    "reset_password": "leaderboard.account_forms.ResetPasswordForm",
    "reset_password_from_key": "leaderboard.account_forms.ResetPasswordKeyForm",
    "change_password": "leaderboard.account_forms.ChangePasswordForm",
    "add_email": "leaderboard.account_forms.AddEmailForm",
    "reauthenticate": "leaderboard.account_forms.ReauthenticateForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[AlgoPerf] "
ACCOUNT_CHANGE_EMAIL = True  # one address per account: a new one replaces the old when it is confirmed
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before the second factor changes
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = {
    "login": "30/m/ip",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "upload": "60/h/user",  # these two are ours
    "invite": "30/h/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)  # whose X-Forwarded-For the limits believe
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "AlgoPerf results"
CACHES = {"default": env.cache_url("CACHE_URL", default=f"filecache://{SITE_STATE / 'cache'}")}  # counts for the limits
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="AlgoPerf leaderboard <noreply@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_FILE_PATH = SITE_STATE / "mail"  # only the embedded edition keeps mail as files

# --- Pages ----------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "leaderboard.views.errors.csrf_failure"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "leaderboard.finders.PlotlyFinder",
]
WHITENOISE_USE_FINDERS = env.bool("WHITENOISE_USE_FINDERS", default=True)  # static files without a build step

# --- Celery: JSON only, no results, no remote control ---------------------------------------------------------------

SITE_QUEUE = "site_tasks"  # an underscore cannot occur in a host's name, so no host queue can end in this word
BROKER_URL = env("BROKER_URL", default="filesystem://")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_TRANSPORT: str | None = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT = "webapp.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_STATE / "messages"),
        "data_folder_out": str(BROKER_STATE / "messages"),
        "control_folder": str(BROKER_STATE / "control"),
        "store_processed": False,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = SITE_QUEUE
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: the schedule below is all there is
LEASE_S = env.float("LEASE_S", default=45.0)
CELERY_BEAT_SCHEDULE = {
    "requeue lost trials": {
        "task": "leaderboard.tasks.requeue_lost_trials",
        "schedule": min(15.0, LEASE_S / 3),  # a longer pause than a lease would look as if the site had been down
        "options": {"expires": 15},
    },
    "dispatch trials": {"task": "leaderboard.tasks.dispatch_trials", "schedule": 5.0, "options": {"expires": 5}},
    "finish submissions": {
        "task": "leaderboard.tasks.finish_submissions",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    "clean up": {"task": "leaderboard.tasks.clean_up", "schedule": 3600.0, "options": {"expires": 600}},
}

# --- REST framework ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"anon": "120/min"},
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "NUM_PROXIES": env.int("TRUSTED_PROXY_COUNT", default=0),  # whose X-Forwarded-For the limit believes
    "UNAUTHENTICATED_USER": None,
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "AlgoPerf results",
    "DESCRIPTION": "Every public number of the site. The written guide is at /docs/api/.",
    "VERSION": "1",
    "LICENSE": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api",
    "ENUM_NAME_OVERRIDES": {
        "RulesetEnum": "leaderboard.models.submissions.RULESETS",
        "SubmissionStatusEnum": "leaderboard.models.Submission.Status",
        "TrialStatusEnum": "leaderboard.models.Trial.Status",
    },
}

# --- The leaderboard's own ------------------------------------------------------------------------------------------

SITE_URL = env("SITE_URL", default="http://127.0.0.1:8000")  # as people see it: links in e-mails
INTERNAL_URL = env("INTERNAL_URL", default=SITE_URL)  # as the site's own worker reaches the web process
FILES_DIRECTORY = SITE_STATE / "files"  # uploads by content hash
DEFAULT_EDITION = env("DEFAULT_EDITION", default="mini")
QUOTA_ACTIVE_PER_TEAM = env.int("QUOTA_ACTIVE_PER_TEAM", default=2)  # queued, running or being scored
QUOTA_SENT_PER_DAY = env.int("QUOTA_SENT_PER_DAY", default=10)
MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", default=3)  # of one trial that hosts lose while the submission runs
MAX_FALSE_STARTS = env.int("MAX_FALSE_STARTS", default=10)  # and before it runs
HOST_LOSSES_BEFORE_REST = env.int("HOST_LOSSES_BEFORE_REST", default=2)
HOST_REST_S = env.float("HOST_REST_S", default=30.0)  # doubled with every further loss
HOST_LONGEST_REST_S = env.float("HOST_LONGEST_REST_S", default=900.0)
LEASE_GRACE_S = env.float("LEASE_GRACE_S", default=30.0)
HEARTBEAT_S = env.float("HEARTBEAT_S", default=10.0)
LOCAL_HARDWARE_CLASS = env("LOCAL_HARDWARE_CLASS", default="cpu2")  # of the host that `manage.py serve` starts
MAX_UPLOAD_BYTES = 2_000_000  # an archive that is larger is refused in words
MAX_REQUEST_BYTES = 10_000_000  # and this much is not even read
MAX_DRAFTS_PER_TEAM = env.int("MAX_DRAFTS_PER_TEAM", default=50)
DRAFT_DAYS = env.int("DRAFT_DAYS", default=30)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
    # Tasks that come by every few seconds speak for themselves when they have done something.
    "loggers": {
        "celery.beat": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
