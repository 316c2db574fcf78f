"""The sandbox images: how they are named after what goes into them, built without a registry, and found again.

Four images, each tagged with the hash of its inputs, so "is it up to date?" is "does the tag exist?":

    algoperf-debian         Debian's bootstrap, imported (left out when ALGOPERF_SANDBOX_BASE names a base image)
    algoperf-sandbox-base   + Python packages by hash and torch: minutes the first time, then never
    algoperf-trainer        + the code a submission may meet
    algoperf-judge          + the code that evaluates: both take seconds after a change
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Literal

import docker
from docker.errors import DockerException, ImageNotFound

from sandbox_runner.errors import EngineUnavailable, ImageBuildFailed, ImageMissing
from sandbox_runner.host import engine, instance

ImageRole = Literal["trainer", "judge"]
ROLES: tuple[ImageRole, ...] = ("trainer", "judge")
UIDS: Mapping[ImageRole, int] = {"trainer": 10001, "judge": 10002}

_DEPLOY = instance.ROOT / "deploy"
TORCH = (_DEPLOY / "torch.txt").read_text().strip()  # pinned without a hash: its build is chosen per machine
SUITE = "bookworm"
SYSTEM_PACKAGES = ("python3", "python3-venv", "g++", "libpython3-dev")  # the last two let torch.compile work

# What a submission may meet: the interface, the framework bases and the loop. No workload, dataset, metric or edition.
TRAINER_CODE = (
    "workloads/__init__.py",
    "workloads/api.py",
    "workloads/base.py",
    "workloads/batching.py",
    "workloads/errors.py",
    "workloads/frameworks.py",
    "workloads/halton.py",
    "workloads/jax_base.py",
    "workloads/loop.py",
    "workloads/random_keys.py",
    "workloads/search_space.py",
    "workloads/self_imports.py",
    "workloads/snapshot.py",
    "workloads/snapshot_jax.py",
    "workloads/snapshot_torch.py",
    "workloads/spec.py",
    "workloads/submission.py",
    "workloads/torch_base.py",
    "workloads/view.py",
    "sandbox_runner/__init__.py",
    "sandbox_runner/channel.py",
    "sandbox_runner/protocol.py",
    "sandbox_runner/trainer/**/*.py",
)
JUDGE_CODE = (
    "workloads/**/*.py",
    "workloads/**/*.json",
    "sandbox_runner/__init__.py",
    "sandbox_runner/channel.py",
    "sandbox_runner/protocol.py",
    "sandbox_runner/judge/**/*.py",
)
# Existing submissions import the interface under these names; both are our compatibility package.
COMPATIBILITY = "sandbox_runner/algoperf"
COMPATIBILITY_NAMES = ("algoperf", "algorithmic_efficiency")

_LOCK = _DEPLOY / "sandbox" / "requirements.lock"
_BASE_DOCKERFILE = _DEPLOY / "sandbox" / "base.Dockerfile"
_ROLE_DOCKERFILE = _DEPLOY / "sandbox" / "role.Dockerfile"
_OUTPUT_TAIL_LINES = 25
_CALL_TIMEOUT_S = 60


def resolve(base_url: str, role: ImageRole) -> str:
    """The id (`sha256:…`) of the image that belongs to the current tree.

    Raises:
        ImageMissing: it has not been built in that engine.
        EngineUnavailable: the engine does not answer.
    """
    found = _image_id(base_url, role_tag(role))
    if found is None:
        raise ImageMissing(f"the {role} image of this tree ({role_tag(role)}) is not built: run `make setup`")
    return found


def build(base_url: str, say: Callable[[str], None] = print) -> dict[ImageRole, str]:
    """Build what is missing, report each step through `say`, and return the image id of each role.

    Raises:
        ImageBuildFailed: with the end of the builder's output.
    """
    with _one_builder():
        for role in ROLES:
            if _image_id(base_url, role_tag(role)) is None:
                _ensure_base(base_url, say)
                say(f"building the {role} image")
                _build_role(base_url, role)
    return {role: resolve(base_url, role) for role in ROLES}


# --- names ------------------------------------------------------------------------------------------------------


def role_tag(role: ImageRole) -> str:
    """Name of a role's image for the current tree."""
    code = (f"{path}\0{hashlib.sha256(content).hexdigest()}\0" for path, content in sorted(code_files(role).items()))
    return _tag(f"algoperf-{role}", base_tag(), _ROLE_DOCKERFILE.read_text(), str(UIDS[role]), *code)


def base_tag() -> str:
    """Name of the heavy layer for the current lock."""
    return _tag("algoperf-sandbox-base", _debian(), TORCH, _BASE_DOCKERFILE.read_text(), _LOCK.read_text())


def _debian() -> str:
    """The base system: an image named by the operator, or Debian's bootstrap."""
    return os.environ.get("ALGOPERF_SANDBOX_BASE") or _tag("algoperf-debian", *_bootstrap_command())


def _tag(name: str, *inputs: str) -> str:
    digest = hashlib.sha256()
    for text in inputs:
        digest.update(f"{len(text)}:{text}".encode())
    return f"{name}:{digest.hexdigest()[:16]}"


def code_files(role: ImageRole) -> dict[str, bytes]:
    """Path below /opt/algoperf -> content: everything of ours that goes into the image of that role."""
    patterns = TRAINER_CODE if role == "trainer" else JUDGE_CODE
    paths = {path for pattern in patterns for path in instance.ROOT.glob(pattern) if path.is_file()}
    files = {path.relative_to(instance.ROOT).as_posix(): path.read_bytes() for path in paths}
    if role == "trainer":
        package = instance.ROOT / COMPATIBILITY
        for path in package.rglob("*.py"):
            for name in COMPATIBILITY_NAMES:
                files[f"{name}/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    return files


# --- building ---------------------------------------------------------------------------------------------------


def _ensure_base(base_url: str, say: Callable[[str], None]) -> None:
    """Build the heavy layer, and the base system below it, where they are missing."""
    if _image_id(base_url, base_tag()) is not None:
        return
    if not os.environ.get("ALGOPERF_SANDBOX_BASE") and _image_id(base_url, _debian()) is None:
        say("bootstrapping the sandbox's Debian (about half a minute)")
        _bootstrap(base_url)
    with tempfile.TemporaryDirectory(prefix="algoperf-image-", dir=_scratch()) as name:
        context = Path(name)
        say("downloading the sandbox's Python packages")
        _download_wheels(context / "wheels")
        shutil.copy(_LOCK, context / "requirements.lock")
        shutil.copy(_uv(), context / "uv")
        say("building the sandbox's base image (about a minute)")
        arguments = ("--build-arg", f"BASE={_debian()}", "--build-arg", f"TORCH={TORCH}")
        _docker_build(base_url, base_tag(), arguments, ("--file", str(_BASE_DOCKERFILE), str(context)))


def _build_role(base_url: str, role: ImageRole) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        files = {f"code/{path}": content for path, content in code_files(role).items()}
        for path, content in {"Dockerfile": _ROLE_DOCKERFILE.read_bytes(), **files}.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    arguments = ("--build-arg", f"BASE={base_tag()}", "--build-arg", f"UID={UIDS[role]}")
    _docker_build(base_url, role_tag(role), arguments, ("-",), context.getvalue())


def _bootstrap_command() -> list[str]:
    """Debian's smallest system with Python, as a tar on standard output, without a trace of this host."""
    skip = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "doc", "locale", "info")]
    forget = (
        'rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/sources.list" "$1"/var/log/*.log "$1"/var/log/apt/*'
    )
    return [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        f"--include={','.join(SYSTEM_PACKAGES)}",
        *skip,
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook={forget}",
        SUITE,
        "-",
    ]


def _bootstrap(base_url: str) -> None:
    """Stream the bootstrap into the engine; it gets its name only when both ends have succeeded."""
    if shutil.which("mmdebstrap") is None:
        raise ImageBuildFailed(
            "`mmdebstrap` is not installed: run `make setup`, or name a base in ALGOPERF_SANDBOX_BASE"
        )
    with tempfile.TemporaryFile() as errors, _docker_environment(base_url) as environment:
        with _bootstrapping(errors) as maker:
            taker = subprocess.run(
                [_docker(), "import", "-"], stdin=maker.stdout, stdout=subprocess.PIPE, stderr=errors, env=environment
            )
        if maker.returncode or taker.returncode:
            errors.seek(0)
            raise ImageBuildFailed(
                f"Debian could not be bootstrapped.\n{_tail(errors.read().decode(errors='replace'))}"
            )
        _run([_docker(), "tag", taker.stdout.decode().strip(), _debian()], env=environment)


@contextmanager
def _bootstrapping(errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The bootstrap under way; asked to clean up behind itself when the block is left early."""
    # A session of its own: when it is interrupted it signals its whole process group, and that would be us.
    maker = subprocess.Popen(
        _bootstrap_command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
    )
    with maker:
        try:
            yield maker
        except BaseException:
            os.killpg(maker.pid, signal.SIGINT)
            raise


def _download_wheels(folder: Path) -> None:
    """Every package of the lock, checked against its hash, and torch as pip takes it on this host."""
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    _run([*download, "--require-hashes", "--requirement", str(_LOCK)])
    constraints = folder.with_name("constraints.txt")
    constraints.write_text("\n".join(re.findall(r"^[\w.-]+==[^\s;]+", _LOCK.read_text(), flags=re.MULTILINE)) + "\n")
    index = os.environ.get("TORCH_INDEX_URL")
    chosen = ["--index-url", index] if index else []
    _run([*download, *chosen, "--find-links", str(folder), "--constraint", str(constraints), TORCH])


def _docker_build(
    base_url: str, tag: str, arguments: tuple[str, ...], context: tuple[str, ...], stdin: bytes = b""
) -> None:
    command = [_docker(), "build", "--network", "none", "--progress", "plain", "--tag", tag, *arguments, *context]
    with _docker_environment(base_url) as environment:
        _run(command, env={**environment, "DOCKER_BUILDKIT": "1"}, stdin=stdin)


def _run(command: list[str], env: Mapping[str, str] | None = None, stdin: bytes = b"") -> None:
    """Run a command quietly; when it fails, the end of what it said is the error."""
    done = subprocess.run(command, env=env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        name = " ".join(command[:4])
        raise ImageBuildFailed(
            f"`{name} …` ended with {done.returncode}.\n{_tail(done.stdout.decode(errors='replace'))}"
        )


def _tail(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-_OUTPUT_TAIL_LINES:])


@contextmanager
def _docker_environment(base_url: str) -> Iterator[dict[str, str]]:
    """The CLI's environment: that engine, and an empty configuration, so no credential helper of the host is asked."""
    with tempfile.TemporaryDirectory(prefix="algoperf-docker-") as configuration:
        yield {"PATH": os.environ.get("PATH", os.defpath), "DOCKER_HOST": base_url, "DOCKER_CONFIG": configuration}


def _docker() -> str:
    """Debian's docker CLI, which builds with BuildKit by itself; newer ones from elsewhere want a plug-in for it."""
    debian = Path("/usr/bin/docker")
    found = str(debian) if debian.exists() else shutil.which("docker")
    if found is None:
        raise ImageBuildFailed("the `docker` command is not installed: run `make setup`")
    return found


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise ImageBuildFailed("`uv` is not installed in this environment: run `make setup`")
    return found


def _scratch() -> Path:
    folder = engine.engine_dir()
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    return folder


@contextmanager
def _one_builder() -> Iterator[None]:
    """Two builds at once would do the same work twice."""
    with (_scratch() / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _image_id(base_url: str, tag: str) -> str | None:
    try:
        with closing(docker.DockerClient(base_url=base_url, timeout=_CALL_TIMEOUT_S)) as client:
            return str(client.images.get(tag).id)
    except ImageNotFound:
        return None
    except DockerException as error:
        raise EngineUnavailable(f"the Docker engine at {base_url} does not answer: {error}") from error


def main() -> None:
    """Build the images in whichever engine answers; starts the project's own when none does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an engine started here is stopped on every way out
    with engine.running() as base_url:
        for role, image in build(base_url, lambda line: print(f"  {line}", flush=True)).items():
            print(f"  {role}: {image[:19]}", flush=True)


if __name__ == "__main__":
    main()
