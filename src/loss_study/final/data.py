"""What the final model is trained on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from loss_study.config import Config
from loss_study.data.packed import PackedSample
from loss_study.runtime import checksums
from loss_study.runtime.files import write_json
from loss_study.runtime.locks import locked
from loss_study.sampling.make import make
from loss_study.statistics.results import read_json
from loss_study.trial import SAMPLE

#: A sample of its own, where the final model is trained at another scale than the study.
OWN_SAMPLE = Path("data/final/sample")
#: Beside it: what it was made of.
MADE_OF = "made_of.json"


def open_sample(config: Config, study: Config) -> PackedSample:
    """Return the sample of `config`: the study's, or one that is packed for another dataset, size or split.

    Raises:
        StudyError: no sample, a damaged one, or data that cannot be read.
    """
    if (config.dataset, config.sample) == (study.dataset, study.sample):
        return PackedSample.open(SAMPLE)
    made_of = {
        "dataset": config.dataset.model_dump(mode="json"),
        "sample": config.sample.model_dump(mode="json"),
        "images": _images_of_study(),
    }
    # Of several processes that train together, one packs.
    with locked(OWN_SAMPLE.with_name("sample.lock"), "packing the sample", wait_seconds=-1):
        if read_json(OWN_SAMPLE.with_name(MADE_OF)) != made_of:
            make(config, OWN_SAMPLE)
            write_json(OWN_SAMPLE.with_name(MADE_OF), made_of)
    return PackedSample.open(OWN_SAMPLE)


def _images_of_study() -> str:
    """Return a digest of the study's sample, which DVC makes anew where the images change; "" where there is none."""
    listed = SAMPLE / checksums.LIST
    return checksums.sha256(listed) if listed.exists() else ""


@dataclass(frozen=True)
class AllForTraining(PackedSample):
    """A sample whose validation images are trained on, too: the last epoch is kept, so none has to be chosen."""

    @classmethod
    def of(cls, sample: PackedSample) -> AllForTraining:
        """Return `sample` in this way."""
        return cls(**{field.name: getattr(sample, field.name) for field in fields(sample)})

    def rows(self, split: str) -> np.ndarray:
        """Return the numbers of the images of one split; "train" has those of "validation", too."""
        if split != "train":
            return super().rows(split)
        return np.sort(np.concatenate([super().rows("train"), super().rows("validation")]))
