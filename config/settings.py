"""Every setting of the console, read from the environment (.env.example explains each)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.utils.translation import gettext_lazy as _

from config import database, environment, mail
from connections.connectors import REGISTRY
from connections.switches import variable_of

BASE_DIR = Path(__file__).resolve().parent.parent
environment.read_file(BASE_DIR / ".env")
env = environ.Env()

DATA_DIR = environment.data_dir(env, BASE_DIR / "var")
PUBLIC_URL = environment.public_url(env)
HOST = environment.text(env, "HOST") or "127.0.0.1"
PORT = environment.integer(env, "PORT", 8000, minimum=1, maximum=65535)
DEBUG = environment.boolean(env, "DEBUG", default=False)
if DEBUG and PUBLIC_URL:
    environment.stop("DEBUG must be 0 when PUBLIC_URL is set: its error pages show settings.")

# Databases. One holds everything: the console's tables and the destination tables.

DATABASES = {"default": database.database(env, DATA_DIR)}
IS_POSTGRES = DATABASES["default"]["ENGINE"] == database.POSTGRES
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SECRET_KEY, CREDENTIAL_KEYS = environment.keys(env, DATA_DIR, production=bool(PUBLIC_URL) or IS_POSTGRES)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# Applications

INSTALLED_APPS = [
    "config.admin_site.SincroAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "axes",
    "django_q",
    "connections",
    "syncruns",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "syncruns.api.middleware.HeadMiddleware",
    "syncruns.api.middleware.ProblemMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "connections.people.maintenance.MaintenanceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "connections.people.middleware.SignInMiddleware",
    "connections.people.middleware.PreferenceMiddleware",
    "connections.people.resending.ResendMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "django.template.context_processors.i18n",
                "syncruns.frame.frame",
            ],
        },
    },
]

# Web

_public_host = urlsplit(PUBLIC_URL).hostname if PUBLIC_URL else None
_secure = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", _public_host or HOST, *env.list("ALLOWED_HOSTS", default=[])]
CSRF_FAILURE_VIEW = "connections.people.views.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
PROXY_COUNT = environment.integer(env, "PROXY_COUNT", 0, minimum=0, maximum=10)
if PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = _secure and environment.boolean(env, "SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # the domain's other hosts are not ours to decide for
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # those two
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # a form with many streams of many columns
# Django 6's names, read by config.csp until then.
SECURE_CSP = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
# django-ninja is no installed app, which every process would import; the web asks for its files and its schemas.
_ninja = find_spec("ninja")
STATICFILES_DIRS = [Path(place) / "static" for place in (_ninja and _ninja.submodule_search_locations) or ()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# People

LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign_in"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = environment.integer(env, "SIGN_IN_FAILURE_LIMIT", 5, minimum=1, maximum=100)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = environment.integer(env, "SIGN_IN_COOL_OFF_MINUTES", 15, minimum=1, maximum=1440) / 60
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "connections.people.views.locked_out"
AXES_CLIENT_IP_CALLABLE = "connections.people.address.client_address"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the lockout page promises when it ends
AXES_VERBOSE = False

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", _("Portuguese (Brazil)")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
TIME_ZONE = environment.time_zone(env, "TIME_ZONE", "America/Sao_Paulo")
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

# E-mail. Without a server Sincro works all the same, and tells nobody.

_mail = mail.mail(env, PUBLIC_URL)
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.security == "starttls", _mail.security == "tls"
EMAIL_TIMEOUT = 15  # seconds that each answer of the server may take
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _mail.sender

# API: what one token may ask of each web process.

API_READS_PER_MINUTE = environment.integer(env, "API_READS_PER_MINUTE", 36_000, minimum=1, maximum=10**7)
API_WRITES_PER_MINUTE = environment.integer(env, "API_WRITES_PER_MINUTE", 120, minimum=1, maximum=10**7)

# Syncing

for _connector in REGISTRY:
    environment.boolean(env, variable_of(_connector.kind), default=True)  # connections.switches reads it
SYNC_WORKERS = environment.integer(env, "SYNC_WORKERS", 2, minimum=1, maximum=64)
DAILY_RUN_HOUR = environment.given(env, "DAILY_RUN_HOUR", maximum=23)
DAILY_RUN_MINUTE = environment.given(env, "DAILY_RUN_MINUTE", maximum=59)
RUN_TIMEOUT = environment.integer(env, "RUN_TIMEOUT", 7200, minimum=60, maximum=86_400)
RUN_DEADLINE = RUN_TIMEOUT - min(300, RUN_TIMEOUT // 4)  # the engine stops by itself before Django-Q2 kills
LEASE_SECONDS = environment.integer(env, "LEASE_SECONDS", 30, minimum=1, maximum=600)
TICK_SECONDS = 5
MAX_RETRIES = environment.integer(env, "MAX_RETRIES", 3, minimum=1, maximum=10)
RETRY_DELAY = environment.integer(env, "RETRY_DELAY", 5, minimum=0, maximum=600)
BAD_RECORDS_SHARE = environment.integer(env, "BAD_RECORDS_PERCENT", 50, minimum=1, maximum=100) / 100
BAD_RECORDS_MINIMUM = 20
RUN_LOG_LIMIT = environment.integer(env, "RUN_LOG_LIMIT", 1000, minimum=50, maximum=100_000)
RUN_CHANGES_LIMIT = environment.integer(env, "RUN_CHANGES_LIMIT", 500, minimum=0, maximum=100_000)
REQUESTS_CA_BUNDLE = environment.readable(env, "REQUESTS_CA_BUNDLE")  # the sdk reads it from the environment
ALLOW_PRIVATE_ADDRESSES = environment.boolean(env, "ALLOW_PRIVATE_ADDRESSES", default=False)

# How many days what happened is kept; 0: for ever (syncruns/chores.py).
KEEP_RUNS_DAYS = environment.integer(env, "KEEP_RUNS_DAYS", 180, minimum=0, maximum=36_500)
KEEP_LOGS_DAYS = environment.integer(env, "KEEP_LOGS_DAYS", 30, minimum=0, maximum=36_500)
KEEP_CHANGES_DAYS = environment.integer(env, "KEEP_CHANGES_DAYS", 30, minimum=0, maximum=36_500)
KEEP_QUARANTINE_DAYS = environment.integer(env, "KEEP_QUARANTINE_DAYS", 90, minimum=0, maximum=36_500)
KEEP_DOCUMENTS_DAYS = environment.integer(env, "KEEP_DOCUMENTS_DAYS", 1_826, minimum=0, maximum=36_500)
KEEP_AUDIT_DAYS = environment.integer(env, "KEEP_AUDIT_DAYS", 730, minimum=0, maximum=36_500)

# Django-Q2 carries doorbells only; one long and one short cluster. `retry` counts from the moment a task is taken
# into memory, hence the wide margin.
Q_CLUSTER = {
    "name": "sync",
    "orm": "default",
    "broker_class": "syncruns.broker.PatientBroker",
    "poll": 0.2,
    "workers": SYNC_WORKERS,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": RUN_TIMEOUT,
    "retry": 3 * RUN_TIMEOUT + 60,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    "save_limit": -1,
    "max_rss": 500_000,
    "recycle": 100,
    "label": "Django-Q2",
    "ALT_CLUSTERS": {"control": {"workers": 1, "timeout": 90, "retry": 400, "queue_limit": 1}},
}

# Doctor and the System page warn below so much free disk.
DISK_WARNING_MB = environment.integer(env, "DISK_WARNING_MB", 2048, minimum=0, maximum=10**9)
DISK_PROBLEM_MB = environment.integer(env, "DISK_PROBLEM_MB", 300, minimum=0, maximum=10**9)

# Logs

LOG_LEVEL = environment.choice(env, "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOG_FILE = environment.log_file(DATA_DIR)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "syncruns.logfile.LogLines", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {
        # Services write to stdout, where systemd and containers look; commands keep theirs for their answer.
        "console": {
            "class": "logging.StreamHandler",
            "stream": f"ext://sys.{'stdout' if env.str('SINCRO_PROCESS', default='') else 'stderr'}",
            "formatter": "plain",
        },
        # Many processes append to the file, a line at a time, and only the supervisor rotates it (syncruns/logfile.py):
        # each writer notices that and opens the new one. No line is lost, and there is one file to read.
        "file": {
            "class": "syncruns.logfile.LogFile",
            "filename": LOG_FILE,
            "delay": True,
            "encoding": "utf-8",
            "formatter": "plain",
        },
    },
    "filters": {
        "once_per_outage": {"()": "syncruns.outage.OncePerOutage"},
        "without_traceback": {"()": "syncruns.logfile.WithoutTraceback"},
    },
    "root": {"handlers": ["console", "file"], "level": "WARNING"},
    "loggers": {
        "sync": {"level": LOG_LEVEL},
        "sync.told": {"handlers": ["file"], "propagate": False},  # what the supervisor says on the terminal itself
        "django": {"level": "WARNING"},
        "django.request": {"level": "ERROR", "filters": ["once_per_outage"]},  # addresses that nobody has are no news
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "django-q": {"level": "WARNING", "filters": ["once_per_outage"]},
    },
}
