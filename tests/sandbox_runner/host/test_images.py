"""The sandbox images: named by their inputs, and each role holds what it needs and nothing more."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path, PurePosixPath

import docker
import pytest

from sandbox_runner.errors import ImageBuildFailed, ImageMissing
from sandbox_runner.host import dockerd, image_inputs, images, instance
from sandbox_runner.host import engine as host_engine

ROOT = instance.ROOT


@pytest.fixture
def small_tree(tmp_path, monkeypatch) -> Path:
    """A tree with one file of each kind, in place of ours."""
    for path in (
        "workloads/__init__.py",
        "workloads/api.py",
        "workloads/ogbg/model_torch.py",
        "sandbox_runner/trainer/__main__.py",
        "sandbox_runner/judge/__main__.py",
        "sandbox_runner/host/supervisor.py",
        "sandbox_runner/algoperf/__init__.py",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f'"""{path}"""\n')
    monkeypatch.setattr(instance, "ROOT", tmp_path)
    return tmp_path


# --- names ------------------------------------------------------------------------------------------------------


def test_a_name_follows_the_code_of_its_role_only(small_tree):
    trainer, judge = image_inputs.role_tag("trainer"), image_inputs.role_tag("judge")

    (small_tree / "workloads/ogbg/model_torch.py").write_text("changed = True\n")
    assert image_inputs.role_tag("trainer") == trainer, "the trainer image holds no workload"
    assert image_inputs.role_tag("judge") != judge

    (small_tree / "sandbox_runner/trainer/__main__.py").write_text("changed = True\n")
    assert image_inputs.role_tag("trainer") != trainer


def test_a_name_does_not_follow_code_that_stays_on_the_host(small_tree):
    before = [image_inputs.role_tag(role) for role in image_inputs.ROLES]
    (small_tree / "sandbox_runner/host/supervisor.py").write_text("changed = True\n")
    assert [image_inputs.role_tag(role) for role in image_inputs.ROLES] == before


def test_a_moved_line_between_two_files_changes_the_name(small_tree):
    first, second = small_tree / "workloads/__init__.py", small_tree / "workloads/api.py"
    first.write_text("a = 1\nb = 2\n")
    second.write_text("")
    before = image_inputs.role_tag("judge")
    first.write_text("a = 1\n")
    second.write_text("b = 2\n")
    assert image_inputs.role_tag("judge") != before


def test_a_base_named_by_the_operator_changes_every_name(monkeypatch):
    monkeypatch.delenv("ALGOPERF_SANDBOX_BASE", raising=False)
    ours = image_inputs.base_tag(), image_inputs.role_tag("judge")
    monkeypatch.setenv("ALGOPERF_SANDBOX_BASE", "python:3.11-bookworm")
    assert image_inputs.base_tag() != ours[0]
    assert image_inputs.role_tag("judge") != ours[1]


def test_the_locks_agree_on_every_version():
    def pins(lock: Path) -> dict[str, str]:
        lines = (line.split()[0] for line in lock.read_text().splitlines() if "==" in line and line[0] not in " #")
        return dict(line.split("==") for line in lines)

    host, sandbox = pins(ROOT / "requirements.lock"), pins(ROOT / "deploy/sandbox/requirements.lock")
    assert sandbox
    assert {name: host.get(name) for name in sandbox} == sandbox


# --- contents ---------------------------------------------------------------------------------------------------


def _modules(files: dict[str, bytes]) -> dict[str, ast.Module]:
    """Dotted name -> syntax tree of the Python files."""
    return {
        ".".join(PurePosixPath(path).with_suffix("").parts).removesuffix(".__init__"): ast.parse(content)
        for path, content in files.items()
        if path.endswith(".py")
    }


def _imported(tree: ast.Module) -> set[str]:
    """Modules of ours that a file names; of `from package import name` both the package and package.name."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("workloads", "sandbox_runner")}


@pytest.mark.parametrize("role", image_inputs.ROLES)
def test_an_image_holds_everything_its_code_imports(role):
    everything = {
        path.relative_to(ROOT).as_posix(): b""
        for folder in ("workloads", "sandbox_runner")
        for path in (ROOT / folder).rglob("*.py")
    }
    ours = set(_modules(everything))
    held = _modules(image_inputs.code_files(role))

    missing = {(name, wanted) for name, tree in held.items() for wanted in _imported(tree) & ours if wanted not in held}

    assert missing == set()


def test_what_a_trial_copies_beside_the_submission_imports_only_what_the_trainer_holds():
    """One model file and one dataset file of the workload travel with each trial; the image holds the rest."""
    held = set(_modules(image_inputs.code_files("trainer")))
    travelling = [
        *ROOT.glob("workloads/*/model_*.py"),
        *(p for p in ROOT.glob("workloads/datasets/*.py") if p.stem != "__init__"),
    ]
    assert travelling
    for path in travelling:
        for wanted in _imported(ast.parse(path.read_text())):
            assert wanted in held or wanted.rpartition(".")[0] in held, f"{path.name} imports {wanted}"


def test_the_trainer_holds_no_workload_no_dataset_no_metric_and_nothing_of_the_host():
    paths = set(image_inputs.code_files("trainer"))

    folders = {PurePosixPath(path).parent.as_posix() for path in paths if path.startswith("workloads/")}
    assert folders == {"workloads", "workloads/layers", "workloads/losses"}
    assert not {"workloads/registry.py", "workloads/evaluation.py", "workloads/__main__.py"} & paths
    assert not [path for path in paths if path.startswith(("sandbox_runner/host", "sandbox_runner/judge"))]


def test_no_image_can_build_data_or_train_at_home():
    for role in image_inputs.ROLES:
        paths = image_inputs.code_files(role)
        at_home = ("workloads/data_build", "workloads/data_prepare")
        assert not [path for path in paths if path.startswith(at_home) or path.endswith("_command.py")]
        assert "workloads/__main__.py" not in paths


def test_the_judge_holds_nothing_that_meets_a_submission():
    assert not [path for path in image_inputs.code_files("judge") if "trainer" in path or "algoperf" in path]


# --- building ---------------------------------------------------------------------------------------------------


def test_a_failed_command_ends_with_what_it_said_last():
    with pytest.raises(ImageBuildFailed, match=r"(?s)ended with 3.*no space left"):
        images._run([sys.executable, "-c", "print('no space left'); raise SystemExit(3)"])


@pytest.mark.docker
def test_an_image_that_was_not_built_says_what_to_do(engine, small_tree):
    with pytest.raises(ImageMissing, match="make setup"):
        images.resolve(engine, "trainer")


@pytest.mark.docker
def test_building_again_changes_nothing(engine, sandbox_images):
    said: list[str] = []
    assert images.build(engine, said.append) == sandbox_images
    assert said == []
    assert images.resolve(engine, "judge") == sandbox_images["judge"]


@pytest.mark.docker
def test_a_new_base_forgets_the_images_of_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("ALGOPERF_STATE", str(tmp_path / "state"))
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    old, current = "algoperf-judge:0123456789abcdef", image_inputs.role_tag("judge")
    with host_engine.running() as base_url:
        if base_url != dockerd.url():
            pytest.skip("another engine answers, and its images are not this test's to remove")
        with closing(docker.DockerClient(base_url=base_url, timeout=60)) as client:
            for tag in (old, current, "somebody-elses:image"):
                name, _, version = tag.partition(":")
                client.api.import_image(str(tmp_path / "empty.tar"), repository=name, tag=version)

            images._forget_old(base_url)

            left = {tag for image in client.images.list() for tag in image.tags}
    assert left == {current, "somebody-elses:image"}


def _inside(base_url: str, image: str, program: str) -> dict[str, object]:
    """What a Python program prints as JSON inside an image, locked down as a trial is."""
    client = docker.DockerClient(base_url=base_url, timeout=60)
    try:
        output = client.containers.run(
            image,
            ["python3", "-I", "-c", program],
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            tmpfs={"/tmp": "", "/scratch": ""},
            remove=True,
        )
        return dict(json.loads(output))
    finally:
        client.close()


WHAT_IS_HERE = """
import importlib.util, json, os
names = {names}
def is_here(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps({{"uid": os.getuid(), "home": os.environ["HOME"], "here": [name for name in names if is_here(name)]}}))
"""
PARTS = [
    "torch", "jax", "flax", "optax",
    "workloads.api", "workloads.registry", "workloads.datasets", "workloads.evaluation",
    "sandbox_runner.trainer", "sandbox_runner.judge", "sandbox_runner.host", "algoperf", "algorithmic_efficiency",
    "django", "leaderboard", "scoring", "pip", "docker",
]  # fmt: skip


@pytest.mark.docker
def test_the_trainer_container_runs_as_its_own_user_and_finds_only_its_part(engine, sandbox_images):
    seen = _inside(engine, sandbox_images["trainer"], WHAT_IS_HERE.format(names=PARTS))
    assert seen == {
        "uid": 10001,
        "home": "/scratch",
        "here": [
            "torch",
            "jax",
            "flax",
            "optax",
            "workloads.api",
            "sandbox_runner.trainer",
            "algoperf",
            "algorithmic_efficiency",
        ],
    }


@pytest.mark.docker
def test_the_judge_container_runs_as_its_own_user_and_finds_only_its_part(engine, sandbox_images):
    seen = _inside(engine, sandbox_images["judge"], WHAT_IS_HERE.format(names=PARTS))
    assert seen == {
        "uid": 10002,
        "home": "/scratch",
        "here": [
            "torch", "jax", "flax", "optax", "workloads.api", "workloads.registry", "workloads.datasets",
            "workloads.evaluation", "sandbox_runner.judge",
        ],
    }  # fmt: skip


@pytest.mark.docker
def test_the_image_names_nothing_of_the_host_it_was_built_on(engine, sandbox_images):
    client = docker.DockerClient(base_url=engine, timeout=60)
    try:
        found = client.containers.run(
            sandbox_images["judge"],
            [
                "find",
                "/",
                "-xdev",
                "-name",
                "direct_url.json",
                "-o",
                "-name",
                ".git",
                "-o",
                "-path",
                "/etc/apt/sources.list",
            ],
            network_mode="none",
            user="0",
            remove=True,
        )
    finally:
        client.close()
    assert found == b""


@pytest.mark.docker
def test_the_command_line_finds_images_that_are_there(sandbox_images):
    done = subprocess.run(
        [sys.executable, "-m", "sandbox_runner.host.images"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert sandbox_images["trainer"][:19] in done.stdout
