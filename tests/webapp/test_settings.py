"""Settings that must hold before anybody else's machine serves the site."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.state import secret_file

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "webapp.settings.production",
    "SECRET_KEY": "k" * 20 + "0123456789abcdefghijABCDEFGHIJ.,-_+*",
    "ALLOWED_HOSTS": "results.example.org",
    "SITE_URL": "https://results.example.org",
    "DATABASE_URL": "postgres://user:secret@db/algoperf",
    "BROKER_URL": "redis://broker/0",
    "EMAIL_URL": "smtp+tls://user:secret@mail.example.org:587",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True
    )


def test_production_passes_the_deployment_check(tmp_path: Path) -> None:
    done = manage("check", "--deploy", "--fail-level=WARNING", ALGOPERF_STATE=str(tmp_path), **PRODUCTION)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "SITE_URL", "EMAIL_URL"])
def test_production_does_not_start_without_its_secrets(tmp_path: Path, missing: str) -> None:
    environment = {name: value for name, value in PRODUCTION.items() if name != missing}

    done = manage("check", ALGOPERF_STATE=str(tmp_path), **environment)

    assert done.returncode != 0
    assert missing in done.stderr


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    done = manage("makemigrations", "--check", "--dry-run", ALGOPERF_STATE=str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_embedded_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "site" / "secret_key"

    first, second = secret_file(path), secret_file(path)

    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]
