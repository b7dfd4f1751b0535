"""Stages that start at once: a server that has imported torch forks itself into each of them.

A study of 14 trials starts some sixty processes, and half of them import torch, 3 s each. Servers do the imports once;
``python -m loss_study.warm --with torch stages/train.py ...`` hands its command over to one. `loss_study.parallel`
offers servers to all that it runs; under plain ``dvc repro``, the first stage that wants torch starts one for those
that follow. Where there is none, the same line runs the script in its own process.
"""

from __future__ import annotations

#: Names the private folder with the servers' sockets, each named after what it has imported.
FOLDER = "LOSS_STUDY_WARM"
