"""The state folder: everything the site writes lies below it, never in the checkout's tracked files."""

import os
import secrets
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def state_directory() -> Path:
    """`ALGOPERF_STATE`, else `var` beside manage.py."""
    return Path(os.environ.get("ALGOPERF_STATE") or CHECKOUT / "var").resolve()


def secret_file(path: Path, *, nbytes: int = 48) -> str:
    """The secret kept at `path`, made at the first call; readable by its owner only.

    Two processes that start together agree: the file appears whole, by a hard link that only one of them can make.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(nbytes))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
