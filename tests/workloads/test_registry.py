from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workloads import editions, registry
from workloads.errors import UnknownWorkload
from workloads.spec import Framework, Workload

ROOT = Path(registry.__file__).parent
MODEL_FILES = sorted(ROOT.glob("*/model_*.py"))
SHARED_FILES = sorted((*ROOT.glob("losses/*.py"), *ROOT.glob("layers/*.py")))
DATASET_FILES = sorted(path for path in (ROOT / "datasets").glob("*.py") if path.name != "__init__.py")
TRAVELLING_FILES = [*MODEL_FILES, *SHARED_FILES, *DATASET_FILES]


@pytest.mark.parametrize("name", registry.names())
def test_full_size_numbers_are_the_published_ones(name, shared):
    spec = registry.get(name)
    facts = json.loads((shared / "spec" / "workloads.json").read_text())["workloads"][spec.base]
    variants = json.loads((shared / "spec" / "variants.json").read_text())["variants"]

    assert spec.loss_type == facts["loss_type"]
    assert (spec.metric.name, spec.metric.higher_is_better) == (facts["metric"], facts["direction"] == "higher")
    assert spec.max_runtime_s == facts["max_runtime_sec"]["v0.6"]
    assert spec.step_hint == facts["step_hint"]["v0.6"]
    assert spec.eval_period_s == facts["eval_period_sec"]
    overrides = variants[name]["overrides"] if name in variants else {}
    assert spec.eval_batch_size == overrides.get("eval_batch_size", facts["eval_batch_size"]["jax"])
    assert spec.num_train_examples == facts["examples"]["train"]
    assert spec.num_eval_train_examples == facts["examples"]["eval_train"]["jax"]
    assert spec.num_validation_examples == facts["examples"]["validation"]
    assert spec.num_test_examples == facts["examples"]["test"]
    own = facts if spec.name == spec.base else variants[name]
    assert spec.batch_size == own["baseline_train_batch_size"]
    assert spec.target.validation == pytest.approx(own["targets"]["v0.6"]["validation"], abs=1e-12)
    assert spec.target.test == pytest.approx(own["targets"]["v0.6"]["test"], abs=1e-12)


def test_a_variant_is_named_after_its_base_and_changes_only_what_it_says():
    base = registry.get("ogbg")

    variant = base.variant("gelu", model={"activation": "gelu"})

    assert (variant.name, variant.base, variant.dataset) == ("ogbg_gelu", "ogbg", "molpcba")
    assert variant.model == {**base.model, "activation": "gelu"}
    assert variant.data == base.data
    assert base.model["activation"] == "relu"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("ogbg_model_size", "ogbg"),
        ("librispeech_conformer_gelu", "librispeech_conformer"),
        ("criteo1tb_test", "criteo1tb"),
        ("mnist", "mnist"),
    ],
)
def test_the_base_name_is_the_first_base_contained_in_a_name(name, base):
    assert registry.base_name(name) == base


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UnknownWorkload, match=r"no workload is called 'imagenet'; known: criteo1tb, fastmri, image"):
        registry.get("imagenet")
    with pytest.raises(UnknownWorkload, match=r"no framework is called 'tensorflow'"):
        registry.load(registry.get("ogbg"), "tensorflow")


@pytest.mark.parametrize("spec", registry.BASES, ids=lambda spec: spec.name)
def test_a_spec_survives_the_way_through_json(spec):
    document = json.dumps(spec.as_json())

    assert json.dumps(Workload.from_json(json.loads(document)).as_json()) == document


def test_site_and_host_may_read_workloads_without_a_framework():
    code = (
        "import sys; from workloads import registry, editions, api, spec, base; "
        "editions.load('mini'); editions.data_directory('mini'); "
        "print({'torch', 'jax', 'flax', 'rdkit'} & set(sys.modules))"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent)

    assert printed.stdout.strip() == "set()"


@pytest.mark.parametrize("path", TRAVELLING_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_that_travel_alone_into_a_trainer_need_nothing_that_is_not_there(path):
    """One model file and one dataset file are copied into a container that holds no other workload."""
    allowed = {"workloads.api", "workloads.spec"}
    helpers = {"workloads.batching", "workloads.decoding", "workloads.errors", "workloads.photographs"}
    helpers |= {"workloads", "workloads.rand_augment"}
    allowed |= helpers if path in DATASET_FILES else {"workloads.torch_base", "workloads.jax_base"}
    if path not in DATASET_FILES:
        allowed |= {f"workloads.{shared.parent.name}.{shared.stem}" for shared in SHARED_FILES}
        allowed |= {"workloads.layers"}
    tree = ast.parse(path.read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}

    ours = {module for module in modules if module.split(".")[0] in ("workloads", "sandbox_runner", "leaderboard")}

    assert ours <= allowed


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_model_code_never_says_which_workload_it_belongs_to(path):
    source = path.read_text().lower()

    assert not [name for name in (*registry.BASE_NAMES, "imagenet", "molpcba") if name in source]


@pytest.mark.parametrize("framework", Framework)
@pytest.mark.parametrize("spec", registry.BASES, ids=lambda spec: spec.name)
def test_every_base_has_code_in_both_frameworks(spec, framework):
    workload = registry.load(spec, framework)(spec)

    assert workload.framework == framework
    assert workload.step_hint == spec.step_hint


@pytest.mark.parametrize("framework", Framework)
def test_only_translations_need_a_decoder_of_the_judges(framework):
    decoders = {spec.name: registry.load_decoder(spec, framework) for spec in registry.BASES}

    assert [name for name, decoder in decoders.items() if decoder is not None] == ["wmt"]


def test_an_answer_for_the_base_gives_a_variant_the_batch_of_its_base():
    mini = editions.load("mini")
    base, variant = mini.workload("imagenet_resnet"), mini.workload("imagenet_resnet_silu")
    assert registry.get(variant.name).batch_size < registry.get(base.name).batch_size

    of_base, of_variant = (registry.scaled_batch_size(mini, workload, 1024) for workload in (base, variant))
    assert of_base == of_variant == base.batch_size
    assert registry.scaled_batch_size(editions.load("v0.6"), base, 96) == 96
