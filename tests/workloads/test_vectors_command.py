"""`python -m workloads vectors`: it passes what is right, finds what is wrong, and says what it cannot use."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.workloads.made_vectors import make_vectors
from workloads import registry
from workloads.__main__ import main
from workloads.errors import VectorsError
from workloads.narrow import narrow
from workloads.spec import Framework
from workloads.vectors import models, tolerances
from workloads.vectors.expressions import evaluate
from workloads.vectors.generator import numbers
from workloads.vectors.quantity import Quantity, Reporter

NAME = "ogbg_gelu"  # a variant, of which no file says how JAX arrays are made


METRICS = ["bleu", "beam_search", "ogbg_map", "ssim", "wer", "losses_and_accuracy"]


def link(shared, folder, name):
    """One golden file and its arrays as the only ones of a folder."""
    kind, own = name.split("/")
    (folder / kind).mkdir()
    for path in (shared / "data" / "reference_vectors" / kind).glob("*"):
        if path.name.startswith((f"{own}.", f"{own}_")) or path.suffix in (".jpg", ".png"):
            (folder / kind / path.name).symlink_to(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    full_size = registry.get
    monkeypatch.setattr(registry, "get", lambda name: narrow(full_size(name)))
    make_vectors(tmp_path, NAME)
    return tmp_path


def run(capsys, *arguments):
    status = main(["vectors", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, [json.loads(line) for line in printed.out.splitlines() if line.startswith("{")], printed.err


@pytest.mark.parametrize("framework", Framework)
def test_a_variant_without_a_mapping_file_is_compared_in_both_frameworks(framework, folder, capsys):
    status, rows, said = run(capsys, folder, "--json", "--framework", framework)

    assert status == 0, [row for row in rows if not row["pass"]]
    assert {(row["workload"], row["framework"], row["file"]) for row in rows} == {
        (NAME, framework, f"models/{NAME}.json")
    }
    names = [row["quantity"] for row in rows]
    for quantity in ("eval float32", "train float64", "gradient dots float64", "train/ls0.1 summed"):
        assert quantity in names
    assert all(row["error"] <= row["tolerance"] for row in rows)
    assert f"{len(rows)} quantities compared, 0 failed" in said


def test_a_wrong_number_is_found_and_named(folder, capsys):
    path = folder / "models" / f"{NAME}.npz"
    stored = dict(np.load(path))
    stored["eval"][0, 0] += 1e-3
    np.savez(path, **stored)

    status, rows, said = run(capsys, folder, "--json", "--framework", "pytorch")

    assert status == 1
    assert [row["quantity"] for row in rows if not row["pass"]] == ["eval float32"]
    assert "1 failed" in said


def test_a_permuted_gradient_is_found_although_its_norm_is_right(folder, capsys):
    path = folder / "models" / f"{NAME}.json"
    record = json.loads(path.read_text())
    record["grads"]["decoder.weight"][3] *= -1
    path.write_text(json.dumps(record))

    status, rows, _ = run(capsys, folder, "--json", "--framework", "pytorch", "--workload", NAME)

    assert status == 1
    (failed,) = [row for row in rows if not row["pass"]]
    assert (failed["quantity"], failed["where"]) == ("gradient dots float64", "decoder.weight")


def test_for_people_a_line_says_how_far_off_it_is(folder, capsys):
    assert main(["vectors", str(folder), "--framework", "pytorch"]) == 0

    assert any(line.startswith("ok") and "at most 3e-05" in line for line in capsys.readouterr().out.splitlines())


def test_a_model_that_is_not_ours_is_skipped_with_a_reason(folder, capsys):
    for ending in ("json", "npz"):
        (folder / "models" / f"{NAME}.{ending}").rename(folder / "models" / f"finewebedu.{ending}")

    status, rows, _ = run(capsys, folder, "--json", "--framework", "jax")

    assert status == 0
    assert [row["skipped"] for row in rows] == ["no workload has this name"]


def test_a_folder_that_cannot_be_used_is_explained(folder, tmp_path_factory, capsys):
    empty = tmp_path_factory.mktemp("empty")
    path = folder / "models" / f"{NAME}.json"
    for arguments, message in (
        ([folder / "nowhere"], "there is no folder"),
        ([empty], "holds no vectors"),
        ([folder, "--workload", "imagenet"], "no workload is called 'imagenet'"),
        ([folder, "--workload", "ogbg"], "has no models/ogbg.json"),
    ):
        status, rows, said = run(capsys, *arguments)
        assert (status, rows) == (2, [])
        assert message in said
    for content, message in (("{", "cannot be read as JSON"), ("{}", "has no 'params'")):
        path.write_text(content)
        status, _, said = run(capsys, folder, "--framework", "pytorch")
        assert status == 2
        assert message in said


def without(record, stored, *keys):
    """Both parts of a file without one entry, named by the way to it."""
    *way, last = keys
    for key in way:
        record = record[key]
    del record[last]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record, stored: record.clear(), "has no 'params'"),
        (lambda record, stored: record.update(params=[1]), "has no table of names under 'params'"),
        (
            lambda record, stored: without(record, stored, "params", "decoder.bias", "offset"),
            "has no offset of decoder",
        ),
        (lambda record, stored: without(record, stored, "params", "decoder.bias"), "gradient of decoder.bias, but no"),
        (lambda record, stored: without(record, stored, "outputs", "train"), "of train in 'outputs'"),
        (lambda record, stored: without(record, stored, "outputs", "eval", "float64", "l2"), "no l2 of eval/float64"),
        (lambda record, stored: stored.pop("eval_float64"), "has no arrays eval, eval_float64"),
        (lambda record, stored: stored.pop("input/senders"), "'senders' of ogbg_gelu is neither stored nor"),
        (lambda record, stored: record["grads"]["decoder.bias"].pop(), "has no [norm, dot]"),
        (lambda record, stored: record["params"]["decoder.bias"].update(shape=[3]), "is (3,) in the vectors and (8,)"),
        (
            lambda record, stored: record["params"].update(more={"shape": [1], "offset": 0, "half_width": 1}),
            "the model has no more",
        ),
    ],
)
def test_what_is_missing_from_a_file_is_said_in_words(change, message, folder, capsys):
    path = folder / "models" / f"{NAME}.json"
    record, stored = json.loads(path.read_text()), dict(np.load(path.with_suffix(".npz")))
    change(record, stored)
    path.write_text(json.dumps(record))
    np.savez(path.with_suffix(".npz"), **stored)

    status, rows, said = run(capsys, folder, "--json", "--framework", "pytorch")

    assert status == 2
    assert message in said
    assert message in rows[-1]["where"]
    assert not rows[-1]["pass"]


def test_a_file_that_cannot_be_used_does_not_keep_the_others_from_being_compared(folder, capsys):
    (folder / "models" / "criteo1tb.json").write_text("{")
    (folder / "metrics").mkdir()
    (folder / "metrics" / "wer.json").write_text("{}")

    status, rows, said = run(capsys, folder, "--json", "--framework", "pytorch")

    assert status == 2
    assert [row["file"] for row in rows if not row["pass"]] == ["models/criteo1tb.json"]
    assert {row["workload"] for row in rows} == {"criteo1tb", NAME}

    status, rows, said = run(capsys, folder, "--file", "metrics/wer.json")

    assert status == 2
    assert "metrics/wer.json is not laid out as its README says: KeyError('rows')" in said


def test_a_file_about_something_else_is_skipped_with_a_reason(tmp_path, capsys):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "perplexity.json").write_text("{}")

    status, rows, _ = run(capsys, tmp_path, "--json")

    assert status == 0
    assert [row["skipped"] for row in rows] == ["the product has nothing that this file is about"]


def test_the_golden_search_points_and_keys(shared, tmp_path, capsys):
    (tmp_path / "halton").symlink_to(shared / "data" / "reference_vectors" / "halton")

    status, rows, _ = run(capsys, tmp_path, "--json")

    assert status == 0
    assert len({row["file"] for row in rows}) == 2


PIPELINES = ("ogbg_batching", "wmt", "imagenet_eval")


@pytest.mark.parametrize("name", [*(f"metrics/{n}" for n in METRICS), *(f"pipelines/{n}" for n in PIPELINES)])
def test_the_golden_files_that_are_quick(name, shared, tmp_path, capsys):
    link(shared, tmp_path, name)

    status, rows, _ = run(capsys, tmp_path, "--json")

    assert status == 0, [row for row in rows if not row["pass"]]
    assert rows


@pytest.mark.full
@pytest.mark.parametrize("framework", Framework)
@pytest.mark.parametrize("name", registry.BASE_NAMES)
def test_the_golden_models_at_full_size(name, framework, shared, capsys):
    folder = shared / "data" / "reference_vectors"

    status, rows, _ = run(capsys, folder, "--json", "--workload", name, "--framework", framework)

    assert status == 0, [row for row in rows if not row["pass"]]
    assert len(rows) > 15


@pytest.mark.full
@pytest.mark.parametrize("name", ["metrics/ctc", "metrics/wmt_model_decode", "pipelines/logmel"])
def test_the_golden_files_that_take_longer(name, shared, tmp_path, capsys):
    link(shared, tmp_path, name)
    (tmp_path / "models").symlink_to(shared / "data" / "reference_vectors" / "models")  # one of them refers to it

    status, rows, _ = run(capsys, tmp_path, "--json", "--file", f"{name}.json")

    assert status == 0, [row for row in rows if not row["pass"]]
    assert {row["file"] for row in rows} == {f"{name}.json"}


# --- parts ----------------------------------------------------------------------------------------------------------


def test_a_gradient_that_vanishes_beside_the_largest_is_judged_in_float64():
    large, small = np.array([1.0]), np.array([2e-6])
    rows = {name: [*2 * [float(value[0]), float(value @ numbers(f"grad/{name}", 1))]] for name, value in
            (("large", large), ("small", small))}  # fmt: skip
    golden = SimpleNamespace(record={"grads": rows})
    limits = tolerances.float32("imagenet_vit", "pytorch")

    def passes(value, precision):
        gradients = {"large": large, "small": value}
        return all(row.passed for row in models._gradients(golden, gradients, Reporter(file=""), precision, limits))

    assert passes(small, "float64")
    assert passes(small * 1.00003, "float32")
    assert not passes(small * 1.0001, "float32")
    assert not passes(small * 1.00003, "float64")


def test_what_is_not_a_number_never_passes():
    report = Reporter(file="x.json")

    assert not report.compare("a", [math.nan], [1.0], 1e9).passed
    assert not report.compare("a", [[1.0]], [1.0], 1e9).passed  # another shape
    assert report.compare("a", [math.inf, 1.0], [math.inf, 1.0], 0).passed
    assert not report.worst("a", [("x", 0.0), ("y", math.nan)], 1.0).passed
    assert report.worst("a", [("x", 0.0), ("y", math.nan)], 1.0).as_json()["error"] is None
    assert Quantity(file="", workload="", framework="", quantity="", skipped="why").as_json()["skipped"] == "why"


def test_the_generator_gives_the_published_numbers():
    assert numbers("a", 3) == pytest.approx([-0.74990106, 0.12253070, -0.37194002], abs=1e-8)


def test_formulas_are_arithmetic_and_nothing_else():
    names, functions = {"ramp": np.array([0.0, 0.5])}, {"g": lambda name: np.array([1.0, len(name)])}

    assert evaluate("-2*ramp + 0.5*g('ab') - 1", names, functions).tolist() == [-0.5, -1.0]
    for text in ("__import__('os')", "g(1)", "ramp.shape", "ramp[0]", "2**9", "(", "unknown"):
        with pytest.raises(VectorsError, match="formula"):
            evaluate(text, names, functions)
