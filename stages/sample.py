"""Draw and pack the sample that all trials train on. Reads data/source/source.json, writes data/sample/."""

from __future__ import annotations

import argparse

from loss_study.config import load_config
from loss_study.data.packed import PackedSample
from loss_study.runtime.errors import run_stage
from loss_study.runtime.memory import keep_freed_memory
from loss_study.sampling.make import make
from loss_study.trial import SAMPLE


def main() -> None:
    """Load the configuration, pack the sample, print a summary."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    keep_freed_memory()
    make(load_config(), SAMPLE)
    packed = PackedSample.open(SAMPLE).meta
    counts = ", ".join(f"{count} for {split}" for split, count in packed["images"].items())
    print(f"sample  {packed['size']}x{packed['size']} px: {counts}", *packed["notes"], sep="\nsample  ", flush=True)


if __name__ == "__main__":
    run_stage(main)
