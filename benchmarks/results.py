"""Gather what the other benchmarks measured into ``benchmarks/results.json``: ``python benchmarks/results.py``."""

from __future__ import annotations

import datetime
import json
import platform
from pathlib import Path

import torch

from loss_study.runtime.processes import cores
from measuring import RESULTS

#: Key in results.json, the benchmark that measured it, and its key there.
KEYS = {
    "epoch_vs_original": ("epoch-32-112", "epoch_vs_original"),
    "epoch_vs_lightning": ("epoch-32-112", "epoch_vs_lightning"),
    "epoch_vs_lightning_without_checkpoints": ("epoch-32-112", "epoch_vs_lightning_without_checkpoints"),
    "epoch_vs_smp_unet": ("epoch-32-112", "epoch_vs_smp_unet"),
    "small_epoch_vs_lightning": ("epoch-8-64", "epoch_vs_lightning"),
    "small_epoch_vs_original": ("epoch-8-64", "epoch_vs_original"),
    "data_vs_original": ("data_path", "data_vs_original"),
    "roofline_share": ("roofline-32-112", "roofline_share"),
}


def main() -> None:
    """Read the JSON files and write the one."""
    measured = {key: json.loads((RESULTS / f"{name}.json").read_text())[field] for key, (name, field) in KEYS.items()}
    machine = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": cores(),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    text = json.dumps({key: round(value, 3) for key, value in measured.items()} | {"machine": machine}, indent=2)
    Path("benchmarks/results.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
