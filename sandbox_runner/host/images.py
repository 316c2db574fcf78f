"""The sandbox images: how they are named after what goes into them, built without a registry, and found again.

Four images, each tagged with the hash of its inputs, so "is it up to date?" is "does the tag exist?":

    algoperf-debian         Debian's bootstrap, imported (left out when ALGOPERF_SANDBOX_BASE names a base image)
    algoperf-sandbox-base   + Python packages by hash and torch: minutes the first time, then never
    algoperf-trainer        + the code a submission may meet
    algoperf-judge          + the code that evaluates: both take seconds after a change
"""

from __future__ import annotations

import fcntl
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
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from sandbox_runner.errors import EngineUnavailable, ImageBuildFailed, ImageMissing
from sandbox_runner.host import dockerd, engine
from sandbox_runner.host.image_inputs import (
    BASE_DOCKERFILE,
    LOCK,
    ROLE_DOCKERFILE,
    ROLES,
    TORCH,
    UIDS,
    ImageRole,
    base_tag,
    bootstrap_command,
    code_files,
    debian,
    role_tag,
)

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
                if _image_id(base_url, base_tag()) is None:
                    _build_base(base_url, say)
                say(f"building the {role} image")
                _build_role(base_url, role)
    return {role: resolve(base_url, role) for role in ROLES}


# --- building ---------------------------------------------------------------------------------------------------


def _build_base(base_url: str, say: Callable[[str], None]) -> None:
    """Build the heavy layer, and the base system below it where that is missing too."""
    if not os.environ.get("ALGOPERF_SANDBOX_BASE") and _image_id(base_url, debian()) is None:
        say("bootstrapping the sandbox's Debian (about half a minute)")
        _bootstrap(base_url)
    with tempfile.TemporaryDirectory(prefix="algoperf-image-", dir=_scratch()) as name:
        context = Path(name)
        say("downloading the sandbox's Python packages")
        _download_wheels(context / "wheels")
        shutil.copy(LOCK, context / "requirements.lock")
        shutil.copy(_uv(), context / "uv")
        say("building the sandbox's base image (about a minute)")
        arguments = ("--build-arg", f"BASE={debian()}", "--build-arg", f"TORCH={TORCH}")
        _docker_build(base_url, base_tag(), arguments, ("--file", str(BASE_DOCKERFILE), str(context)))
    if base_url == dockerd.url():  # another engine may serve other checkouts
        _forget_old(base_url)


def _forget_old(base_url: str) -> None:
    """Remove what an earlier lock or tree left: images of ours that are no longer named, and the builder's copies."""
    current = {debian(), base_tag(), *(role_tag(role) for role in ROLES)}
    with closing(docker.DockerClient(base_url=base_url, timeout=_CALL_TIMEOUT_S)) as client:
        for tag in [tag for image in client.images.list() for tag in image.tags]:
            if tag.startswith("algoperf-") and tag not in current:
                with suppress(APIError):  # a trial that still runs keeps its image
                    client.images.remove(tag)
        with suppress(APIError):  # somebody else tidies up, or builds, at the same time
            client.api.prune_builds()


def _build_role(base_url: str, role: ImageRole) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        files = {f"code/{path}": content for path, content in code_files(role).items()}
        for path, content in {"Dockerfile": ROLE_DOCKERFILE.read_bytes(), **files}.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    arguments = ("--build-arg", f"BASE={base_tag()}", "--build-arg", f"UID={UIDS[role]}")
    _docker_build(base_url, role_tag(role), arguments, ("-",), context.getvalue())


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
        _run([_docker(), "tag", taker.stdout.decode().strip(), debian()], env=environment)


@contextmanager
def _bootstrapping(errors: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The bootstrap under way; asked to clean up behind itself when the block is left early."""
    # A session of its own: when it is interrupted it signals its whole process group, and that would be us.
    maker = subprocess.Popen(
        bootstrap_command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
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
    _run([*download, "--require-hashes", "--requirement", str(LOCK)])
    constraints = folder.with_name("constraints.txt")
    constraints.write_text("\n".join(re.findall(r"^[\w.-]+==[^\s;]+", LOCK.read_text(), flags=re.MULTILINE)) + "\n")
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
    folder = dockerd.folder()
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
