"""Who makes which dataset of the mini edition: one line per dataset.

A builder is a module of this package with a function `build(*packages) -> Tree`: it gets the fetched files of the
dataset's packages in the manifest's order. Its result has to be the same bytes on every machine: integers, or floats
rounded before they are stored.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from workloads.errors import DataError

# Folder of the dataset -> name -> content. An array becomes `<name>.npy.xz`, bytes a file of just that name:
# {"train": {"inputs": array}, ..., "vocabulary": {"sentencepiece.model": content}}.
Tree = Mapping[str, Mapping[str, np.ndarray | bytes]]

BUILDERS: Mapping[str, str] = {
    "criteo1tb": "flights",
    "fastmri": "head_scan",
    "imagenet": "fashion",
    "librispeech": "number_words",
    "molpcba": "molecules",
    "wmt": "office_help",
}


def convert(dataset: str, packages: list[Path]) -> Tree:
    """Builds one dataset. Builders are imported only here: some need packages of the extra `data`.

    Raises:
        DataError: nobody builds that dataset, or its builder needs a Python package that is not installed.
    """
    if dataset not in BUILDERS:
        raise DataError(f"nobody builds {dataset}: workloads/data_build/sources.py knows {', '.join(BUILDERS)}")
    try:
        tree: Tree = importlib.import_module(f"workloads.data_build.{BUILDERS[dataset]}").build(*packages)
    except ModuleNotFoundError as error:
        raise DataError(
            f"building {dataset} needs the Python package {error.name}: run `make setup`, it installs the extra `data`"
        ) from error
    return tree
