from __future__ import annotations

import pytest

from workloads.errors import DataMissing, UnknownWorkload
from workloads.metrics import accumulator
from workloads.spec import Metric


def test_an_unknown_metric_is_answered_with_the_known_ones():
    with pytest.raises(UnknownWorkload, match="no metric is called 'fid'; known: accuracy, bleu, loss"):
        accumulator(Metric(name="fid", higher_is_better=False))


@pytest.mark.parametrize("name", ["bleu", "wer"])
def test_a_metric_of_texts_says_which_vocabulary_it_misses(name, tmp_path):
    metric = Metric(name=name, higher_is_better=False)

    with pytest.raises(DataMissing, match="give the folder of the dataset"):
        accumulator(metric)
    with pytest.raises(DataMissing, match=r"vocabulary/sentencepiece\.model, which is not there: build the data"):
        accumulator(metric, tmp_path)
