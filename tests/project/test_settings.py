"""A wrong setting stops the start with one line that names it; keys of a local installation are private."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.console import ROOT

KEYS = {"SECRET_KEY": "k" * 50, "CREDENTIAL_KEYS": Fernet.generate_key().decode()}
POSTGRES = "postgresql://sincro:password@localhost/sincro"


def load(data_dir: Path, show: str = "''", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own and print what show says."""
    bare = {"PATH": os.environ["PATH"], "ENV_FILE": "", "DATA_DIR": str(data_dir)}
    command = [sys.executable, "-c", f"from config import settings; print({show})"]
    return subprocess.run(command, cwd=ROOT, env=bare | environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "eighty", "PORT must be a whole number, not 'eighty'."),
        ("PORT", "70000", "PORT must be from 1 to 65535, not 70000."),
        ("DEBUG", "maybe", "DEBUG must be 1 or 0, not 'maybe'."),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, not 'LOUD'."),
        ("TIME_ZONE", "Brasilia", "TIME_ZONE must be a time zone such as America/Sao_Paulo, not 'Brasilia'."),
        ("DAILY_RUN_HOUR", "24", "DAILY_RUN_HOUR must be from 0 to 23, not 24."),
        ("SYNC_WORKERS", "0", "SYNC_WORKERS must be from 1 to 64, not 0."),
        ("PUBLIC_URL", "sync.example.com", "PUBLIC_URL must look like https://sync.example.com, without a path."),
        ("PUBLIC_URL", "https://a.b/console", "PUBLIC_URL must look like https://sync.example.com, without a path."),
        ("PUBLIC_URL", "https://a.b:port", "PUBLIC_URL must look like https://sync.example.com, without a path."),
        ("PUBLIC_URL", "https://a.b", "SECRET_KEY must be given when"),
        ("DATABASE_URL", POSTGRES, "SECRET_KEY must be given when"),
        ("DATABASE_URL", "mysql://a/b", "DATABASE_URL must start with postgresql:// or sqlite:///."),
        ("DATABASE_URL", "postgresql://a:b@c:d/e", "DATABASE_URL must look like postgresql://"),
        ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL must name a database, and not one in memory"),
        ("EMAIL_URL", "mail.example.com", "EMAIL_URL must look like smtp+tls://"),
        ("EMAIL_URL", "smtp://ana:a-password@host:port", "EMAIL_URL must look like smtp+tls://"),
        ("EMAIL_URL", "smtp://mail.example.com", "EMAIL_FROM must be given with EMAIL_URL"),
        ("EMAIL_URL", "smtp://ana@@mail.example.com", "EMAIL_FROM must look like sincro@example.com"),
        ("CREDENTIAL_KEYS", "short", "CREDENTIAL_KEYS must be Fernet keys"),
        ("SECRET_KEY", "short", "SECRET_KEY must have at least 32 characters."),
        ("REQUESTS_CA_BUNDLE", "/nowhere.pem", "REQUESTS_CA_BUNDLE /nowhere.pem cannot be read by this user."),
        ("DATA_DIR", "/dev/null/var", "DATA_DIR /dev/null/var cannot be made: Not a directory."),
        ("DATA_DIR", "$NOWHERE/var", "DATA_DIR begins with $, so the rest must be the name of a variable that is set."),
        ("RUN_ODOO", "nao", "RUN_ODOO must be 1 or 0, not 'nao'."),
        ("ENV_FILE", "/nowhere/env", "/nowhere/env cannot be read: No such file or directory."),
    ],
)
def test_wrong_value_is_one_line_that_names_it(tmp_path: Path, name: str, value: str, told: str) -> None:
    refused = load(tmp_path, **{name: value})
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"sincro: {told}")
    assert refused.stderr.count("\n") == 1
    assert "password" not in refused.stderr.replace("user:password@host", "")


def test_debug_is_refused_in_public(tmp_path: Path) -> None:
    refused = load(tmp_path, PUBLIC_URL="https://a.b", DEBUG="1", **KEYS)
    assert refused.stderr == "sincro: DEBUG must be 0 when PUBLIC_URL is set: its error pages show settings.\n"


def test_local_keys_are_made_once_into_a_private_file(tmp_path: Path) -> None:
    first = load(tmp_path, show="settings.SECRET_KEY, settings.CREDENTIAL_KEYS")
    second = load(tmp_path, show="settings.SECRET_KEY, settings.CREDENTIAL_KEYS")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert stat.S_IMODE((tmp_path / "keys.env").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("keys.env*")] == ["keys.env"]


def test_damaged_keys_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "keys.env").write_text("SECRET_KEY=half")
    refused = load(tmp_path)
    assert refused.returncode == 2
    assert "is damaged" in refused.stderr
    assert (tmp_path / "keys.env").read_text() == "SECRET_KEY=half"


def test_new_data_directory_is_private(tmp_path: Path) -> None:
    assert load(tmp_path / "var").returncode == 0
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


def test_public_url_secures_cookies_hosts_and_transport(tmp_path: Path) -> None:
    show = (
        "settings.ALLOWED_HOSTS, settings.CSRF_TRUSTED_ORIGINS, settings.SESSION_COOKIE_SECURE, "
        "settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS > 0"
    )
    secured = load(tmp_path, show=show, PUBLIC_URL="https://sync.example.com/", **KEYS)
    hosts = ["localhost", "127.0.0.1", "[::1]", "sync.example.com"]
    assert secured.stdout.strip() == f"{hosts} ['https://sync.example.com'] True True True"


def test_environment_file_gives_what_the_environment_does_not(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("PORT=9000\nHOST=0.0.0.0\n")
    read = load(tmp_path, show="settings.PORT, settings.HOST", ENV_FILE=str(tmp_path / "env"), PORT="9001")
    assert read.stdout.strip() == "9001 0.0.0.0"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PORT=9000\nSECRET_KEY = a-password\n", ", line 2: write NAME=value, without spaces around ="),
        ("# Produção\nPORT=9000".encode("latin-1"), " is not UTF-8: save it in that encoding."),
    ],
)
def test_environment_file_that_cannot_be_understood_is_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "env").write_bytes(content)
    refused = load(tmp_path / "var", ENV_FILE=str(tmp_path / "env"))
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"sincro: {tmp_path / 'env'}{told}")
    assert refused.stderr.count("\n") == 1 and "a-password" not in refused.stderr
    assert not (tmp_path / "var").exists()


def test_environment_file_of_another_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "env").write_bytes(b"\xef\xbb\xbfPORT=9000\r\n  # indented\r\n \r\nexport HOST='::1'\r\n")
    read = load(tmp_path, show="settings.PORT, settings.HOST", ENV_FILE=str(tmp_path / "env"))
    assert read.stdout.strip() == "9000 ::1"


@pytest.mark.parametrize("name", ["keys.env", "logs"])
def test_data_directory_with_something_else_in_place_of_ours_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir() if name == "keys.env" else (tmp_path / name).touch()
    refused = load(tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"sincro: {tmp_path / name} cannot be ")
    assert refused.stderr.count("\n") == 1


def test_postgres_url_keeps_its_own_options_beside_ours(tmp_path: Path) -> None:
    show = (
        "settings.DATABASES['default']['OPTIONS']['sslmode'], settings.DATABASES['default']['OPTIONS']['options'][:20]"
    )
    read = load(tmp_path, show=show, DATABASE_URL=f"{POSTGRES}?sslmode=require", **KEYS)
    assert read.stdout.strip() == "require -c statement_timeout"


def test_mail_server_and_sender_are_read_from_the_environment(tmp_path: Path) -> None:
    show = (
        "settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD, "
        "settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL, settings.DEFAULT_FROM_EMAIL"
    )
    given = load(tmp_path, show=show, EMAIL_URL="smtp+tls://ana%40example.com:p%40ss@mail.example.com")
    assert given.stdout.strip() == "mail.example.com 587 ana@example.com p@ss True False ana@example.com"
    own = load(tmp_path, show=show, EMAIL_URL="smtps://[::1]:4650", PUBLIC_URL="https://sync.example.com", **KEYS)
    assert own.stdout.strip() == "::1 4650   False True Sincro <sincro@sync.example.com>"
    none = load(tmp_path, show="repr(settings.EMAIL_HOST)")
    assert none.stdout.strip() == "''"
