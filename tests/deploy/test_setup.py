"""`make setup`: steps that are done are left alone, steps that fail say what to do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path, monkeypatch) -> ModuleType:
    """deploy/setup.py as a module, with logs and environment in a folder of its own."""
    spec = importlib.util.spec_from_file_location("algoperf_setup", ROOT / "deploy" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return module


def _steps(module: ModuleType, *steps: tuple[str, bool, object]) -> tuple[object, ...]:
    return tuple(module.Step(name=name, is_done=lambda done=done: done, do=do) for name, done, do in steps)


def test_steps_that_are_done_are_not_done_again(setup, monkeypatch, capsys):
    done: list[str] = []
    monkeypatch.setattr(
        setup,
        "STEPS",
        _steps(setup, ("first", True, lambda: done.append("first")), ("second", False, lambda: done.append("second"))),
    )

    assert setup.main() == 0
    assert done == ["second"]
    assert "[1/2] first: ready" in capsys.readouterr().out


def test_a_failed_step_ends_the_set_up_with_a_hint(setup, monkeypatch, capsys):
    def fail() -> None:
        setup._run("index", [sys.executable, "-c", "print('no route'); raise SystemExit(4)"], hint="check the network")

    never: list[str] = []
    monkeypatch.setattr(
        setup, "STEPS", _steps(setup, ("index", False, fail), ("later", False, lambda: never.append("x")))
    )

    assert setup.main() == 1
    said = capsys.readouterr().out
    assert "no route" in said
    assert "ended with 4" in said
    assert "What to do: check the network." in said
    assert never == []


def test_another_python_is_refused_with_the_way_to_name_the_right_one(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup, "WANTED_PYTHON", (3, 99))
    monkeypatch.setattr(setup, "STEPS", ())

    assert setup.main() == 1
    assert "PYTHON=python3.99" in capsys.readouterr().out


def test_missing_packages_are_named_by_what_is_missing(setup, monkeypatch):
    monkeypatch.setenv("ALGOPERF_SANDBOX_BASE", "ours:1")  # the mini data is still Debian's
    monkeypatch.setattr(
        setup, "_which", lambda command: None if command in ("mmdebstrap", "chromium") else f"/bin/{command}"
    )
    monkeypatch.setattr(setup, "_builds_images", lambda: True)
    monkeypatch.setattr(setup, "_has_ensurepip", lambda: True)

    assert setup.missing_packages() == ["mmdebstrap", "chromium"]


def test_without_root_and_sudo_the_packages_are_for_the_reader_to_install(setup, monkeypatch):
    monkeypatch.setattr(setup, "missing_packages", lambda: ["mmdebstrap"])
    monkeypatch.setattr(setup, "_which", lambda command: None if command == "sudo" else f"/bin/{command}")
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)

    with pytest.raises(setup.SetupFailed, match="apt-get install mmdebstrap"):
        setup.install_packages()


def test_data_that_cannot_be_fetched_leaves_everything_else_set_up(setup):
    assert [step.name for step in setup.STEPS][-1] == "mini data"


def test_a_system_with_nothing_missing_is_left_alone(setup, monkeypatch):
    monkeypatch.setattr(setup, "missing_packages", list)

    assert setup.STEPS[0].is_done()


def test_an_environment_follows_the_lock_and_the_choice_of_torch(setup, tmp_path, monkeypatch):
    setup.PYTHON.parent.mkdir(parents=True)
    setup.PYTHON.touch()
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==2.4.6\n")
    monkeypatch.setattr(setup, "LOCK", lock)
    monkeypatch.delenv("TORCH_INDEX_URL", raising=False)
    assert not setup.environment_is_done()

    (setup.VENV / "algoperf-setup").write_text(setup._environment_stamp())
    assert setup.environment_is_done()

    monkeypatch.setenv("TORCH_INDEX_URL", "https://example.org/cpu")
    assert not setup.environment_is_done()
    monkeypatch.delenv("TORCH_INDEX_URL")

    lock.write_text("numpy==2.4.7\n")
    assert not setup.environment_is_done()


def test_an_installation_that_broke_off_is_not_taken_for_done(setup, tmp_path, monkeypatch):
    setup.PYTHON.parent.mkdir(parents=True)
    setup.PYTHON.touch()
    (setup.VENV / "algoperf-setup").write_text(setup._environment_stamp())

    def fail(*_: object, **__: object) -> None:
        raise setup.SetupFailed("the network is down")

    monkeypatch.setattr(setup, "_run", fail)
    with pytest.raises(setup.SetupFailed):
        setup.make_environment()

    assert not setup.environment_is_done()
