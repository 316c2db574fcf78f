from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.workload_names import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge

REVIEW, NOTE = Verdict.REVIEW, Verdict.NOTE


@pytest.mark.parametrize(
    "code",
    [
        "if name == 'ogbg': pass",
        "if name in ('wmt', 'fastmri'): pass",
        "if 'conformer' in path: pass",
        "if kind == 'resnet': pass",
        "RATES = {'criteo1tb': 0.1, 'wmt': 0.2}",
        "rate = RATES['imagenet_vit']",
        "match name:\n    case 'ogbg': pass",
        "name = 'og' + 'bg'",
        "name = 'ogbg_gelu'",
        "name.startswith('imagenet_')",
        "name = 'ImageNet'",
        "is_wmt = True",
        "def wmt_schedule(): pass",
        "class OgbgOptimizer: pass",
        "def f(use_librispeech): pass",
        "f(mnist=True)",
        "self.deepspeech_rate = 1",
        "x = b if cifar10 else c",
        "print(RATES['wmt'])\nRATES = {'wmt': 1}",
    ],
)
def test_a_workload_name_outside_get_batch_size_is_for_a_reviewer(code):
    assert REVIEW in [verdict for verdict, _ in judge(RULE, code)]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "def get_batch_size(name):\n    if name == 'wmt':\n        return 128\n    raise ValueError(name)",
        "def get_eval_batch_size(name):\n    return {'wmt': 128}[name]",
        "def get_batch_size(name):\n    def pick(ogbg):\n        return ogbg\n    return pick(name)",
        "SIZES = {'wmt': 128, 'ogbg': 512}\ndef get_batch_size(name):\n    return SIZES[name]",
        "WMT = 128\nSIZES = {'wmt': WMT}\ndef _size(name):\n    return SIZES[name]\n"
        "def get_batch_size(name):\n    return _size(name)",
        "def _pick(name):\n    return {'wmt': 128}[name]\nget_batch_size = _pick",
        '"""Tuned on wmt and ogbg."""',
        "def f():\n    '''Works well on criteo1tb.'''",
        "# fastmri needs more memory\nx = 1",
        "print('running wmt')",
        "logging.info('no dropout on %s', 'ogbg')",
        "warnings.warn('slow on librispeech')",
        "raise ValueError(f'unknown workload {name}, not wmt')",
        "assert x, 'never on ogbg'",
        "model = resnet(depth=18)",
        "vit = 3",
        "if 'embed' in name: pass",
        "if 'conv' in name or 'bn' in name: pass",
        "criterion = loss",
        "transformer_conform = 1",
    ],
)
def test_batch_sizes_texts_for_people_and_layer_types_are_silent(code):
    assert judge(RULE, code) == []


def test_a_key_that_mentions_a_workload_is_noted():
    assert judge(RULE, "HPARAMS = {'conformer_bs': 128, 'lr': 0.1}") == [(NOTE, 1)]


def test_a_table_that_is_also_used_elsewhere_is_for_a_reviewer():
    code = """\
    SIZES = {'wmt': 128, 'ogbg': 512}
    def get_batch_size(name):
        return SIZES[name]
    def update_params(workload):
        return SIZES
    """
    assert judge(RULE, code) == [(REVIEW, 1), (REVIEW, 1)]


def test_a_batch_size_function_of_another_file_is_recognised():
    helper = "def batch_size_of(name):\n    return {'wmt': 128, 'ogbg': 512}[name]\n"
    assert judge(RULE, "from helper import batch_size_of as get_batch_size", helper=helper) == []
    assert judge(RULE, "from helper import batch_size_of as size", helper=helper) != []


def test_what_get_batch_size_learns_stays_there():
    code = "def get_batch_size(name):\n    global seen\n    seen = name\n    return 1\n"
    assert judge(RULE, code) == [(REVIEW, 2)]
