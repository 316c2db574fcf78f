"""Patterns of real, valid submissions that no check may frown on.

Source: the sandbox study, 8.2; the protocol reference, 4.2 and 7.5.
"""

from __future__ import annotations

from textwrap import dedent

import pytest

from sandbox_runner.compliance.findings import Verdict
from tests.sandbox_runner.compliance.submissions import SUBMISSION, honest_files, report_of

PATTERNS = {
    "batch size by workload name": """
        def get_eval_batch_size(workload_name):
            return get_batch_size(workload_name)

        def get_batch_size(workload_name):
            if workload_name == 'criteo1tb':
                return 262_144
            elif workload_name in ('imagenet_resnet_silu', 'imagenet_resnet_gelu'):
                return 512
            elif 'librispeech' in workload_name:
                return 256
            raise ValueError(f'Unsupported workload name: {workload_name}.')
    """,
    "type tests of values": """
        def kind(x):
            return isinstance(x, dict) or isinstance(x, torch.Tensor) or type(x) is tuple
    """,
    "kinds of parameters": """
        def rate(parameter_type):
            if parameter_type in (spec.ParameterType.BATCH_NORM_SCALE, spec.ParameterType.LAYER_NORM_BIAS):
                return 0.0
            return 1.0
    """,
    "layer types by name, as Muon does": """
        def uses_muon(name, p):
            return p.ndim >= 2 and 'embed' not in name and 'embedding' not in name and 'bn' not in name
    """,
    "loss types": """
        def smoothing(loss_type):
            return 0.0 if loss_type == spec.LossType.MEAN_ABSOLUTE_ERROR else 0.1
    """,
    "evaluation periods, as LAWA does": """
        def interval(workload, time_per_step):
            steps_per_eval = workload.eval_period_time_sec / time_per_step
            total = workload.max_allowed_runtime_sec / time_per_step
            return min(steps_per_eval, 0.1 * total)
    """,
    "direction of the metric, as schedule-free does": """
        def improved(workload, eval_results):
            key = 'validation/' + workload.target_metric_name
            lower_is_better = workload.target_metric_name in ('loss', 'wer')
            latest, best = eval_results[-1][1][key], eval_results[0][1][key]
            return latest < best if lower_is_better else latest > best
    """,
    "distributed PyTorch": """
        from algoperf.pytorch_utils import pytorch_setup
        import torch.distributed.nn as dist_nn
        USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()

        def reduced(loss):
            return dist_nn.all_reduce(loss) if USE_PYTORCH_DDP else loss
    """,
    "memory by shape": """
        def blocks(workload):
            large = [s for s in workload.param_shapes if max(s.shape_tuple) > 8192 or len(s.shape_tuple) > 2]
            return large
    """,
    "documentation that names workloads": '''
        def schedule():
            """Tuned on ogbg and wmt; imagenet_resnet wants a longer warm-up, criteo1tb none."""
            # librispeech_conformer diverges above 1e-2
    ''',
    "log lines": """
        import logging
        def report(step, name):
            logging.info('%d) steps on the fastmri budget', step)
            print('nothing to do for wmt')
    """,
    "fractions of the step hint": """
        def warmup(workload, hyperparameters):
            return max(1, int(hyperparameters.warmup_factor * workload.step_hint * 0.75))
    """,
    "ending the training": """
        def finish(workload, global_step):
            if global_step >= workload.step_hint * 0.9:
                raise spec.TrainingCompleteError
    """,
    "reading ranks": """
        import os
        local_rank = int(os.environ.get('LOCAL_RANK', 0))
        world_size = int(os.environ['WORLD_SIZE']) if 'WORLD_SIZE' in os.environ else 1
    """,
    "compilation and garbage": """
        import gc
        @torch.compile
        def newton_schulz(g, steps=5):
            a, b, c = (3.4445, -4.7750, 2.0315)
            for _ in range(steps):
                g = a * g + b * (g @ g.T @ g) + c * g
            return g

        def clean():
            gc.collect()
            torch.cuda.empty_cache()
    """,
    "own optimizers": """
        class Lion(torch.optim.Optimizer):
            def __init__(self, params, lr=1e-4, betas=(0.9, 0.99)):
                super().__init__(params, {'lr': lr, 'betas': betas})

            @torch.no_grad()
            def step(self, closure=None):
                for group in self.param_groups:
                    for p in group['params']:
                        state = self.state[p]
                        if len(state) == 0:
                            state['exp_avg'] = torch.zeros_like(p)
                        p.data.mul_(1 - group['lr'])
                        p.grad = None
    """,
    "batch norm buffers": """
        def has_batch_norm(model):
            return any(hasattr(m, 'running_mean') for m in model.modules())

        def refresh(model, global_step):
            if global_step % 3 == 0:
                model.train()
            model.eval()
    """,
    "module constants under self-tuning": """
        import collections
        HPARAMS = {'dropout_rate': 0.1, 'learning_rate': 0.001, 'one_minus_beta1': 0.1, 'warmup_factor': 0.02}
        Hyperparameters = collections.namedtuple('Hyperparameters', HPARAMS)
        DEFAULTS = Hyperparameters(**HPARAMS)

        def smoothing(hyperparameters):
            hyperparameters = DEFAULTS
            return hyperparameters.label_smoothing if hasattr(hyperparameters, 'label_smoothing') else 0.0
    """,
    "logging metrics": """
        def log(workload, loss, global_step):
            if global_step % 100 == 0 and workload.metrics_logger is not None:
                workload.metrics_logger.append_scalar_metrics({'loss': loss.item()}, global_step)
    """,
    "masks and losses": """
        def loss_of(workload, batch, params, state, rng):
            logits, state = workload.model_fn(
                params=params, augmented_and_preprocessed_input_batch=batch, model_state=state,
                mode=spec.ForwardPassMode.TRAIN, rng=rng, update_batch_norm=True)
            d = workload.loss_fn(label_batch=batch['targets'], logits_batch=logits, mask_batch=batch.get('weights'))
            return d['summed'] / d['n_valid_examples'], state
    """,
    "restarting": """
        def restart(workload, rng):
            return workload.init_model_fn(rng)
    """,
    "the queue itself": """
        def data_selection(workload, input_queue, optimizer_state, current_param_container, model_state,
                           hyperparameters, global_step, rng):
            return input_queue
    """,
    "caches by shape": """
        _JITTED = {}
        def buffer_for(p):
            if p.shape not in _JITTED:
                _JITTED[p.shape] = torch.zeros(p.shape)
            return _JITTED[p.shape]
    """,
    "JAX": """
        import functools
        import jax
        import jax.numpy as jnp
        import optax
        from algoperf import jax_sharding_utils

        @functools.partial(jax.jit, static_argnums=(0, 1), donate_argnums=(2, 3))
        def train_step(workload, opt_update_fn, params, state, batch, rng):
            return jax.value_and_grad(lambda p: workload.loss_fn(batch['targets'], p)['summed'])(params)

        def zeros(workload):
            return jax.tree.map(lambda s: jnp.zeros(s.shape_tuple), workload.param_shapes)

        def split(params):
            flat, tree = jax.tree_util.tree_flatten_with_path(params)
            return ['embed' in jax.tree_util.keystr(path) for path, _ in flat], tree
    """,
}


def findings(files: dict[str, bytes]) -> list[tuple[str, str, str]]:
    report = report_of(files)
    return [(finding.rule, finding.excerpt, finding.message) for finding in report.findings]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_of_valid_submissions_is_silent(pattern):
    code = "from algoperf import spec\n" + SUBMISSION + dedent(PATTERNS[pattern])
    spoken = [
        rule for rule in findings(honest_files(**{"submission.py": code})) if "get_eval_batch_size" not in rule[2]
    ]
    assert spoken == []


def test_texts_that_list_the_parameters_of_workloads_are_silent():
    listing = "".join(f"encoder.layer_{n}.attention.query.weight (512, 512)\n" for n in range(300))
    files = honest_files(**{"param_splitting/wmt.txt": listing, "param_splitting/ogbg.txt": listing})
    assert findings(files) == []


def test_a_learned_update_rule_is_looked_at_once():
    import random

    weights = random.Random(0).randbytes(147_803)
    info = honest_files()["submission_info.yml"] + b"data_files: [theta.state]\n"
    code = SUBMISSION + "\n\nTHETA = open(__file__.replace('submission.py', 'theta.state'), 'rb').read()\n"
    files = honest_files(**{"submission_info.yml": info, "theta.state": weights, "submission.py": code})
    assert [(finding.rule, finding.verdict) for finding in report_of(files).findings] == [
        ("file-kinds", Verdict.REVIEW),
        ("file-access", Verdict.NOTE),
    ]
