"""What the numbers of a trial depend on beside its configuration; trials that differ in it are not compared unasked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loss_study.runtime.errors import StudyError

#: Keys of ``trial.json``, in words; the version of torch is one more. `processor` counts on a CPU only. The
#: last two differ where some results are left from another configuration.
WORDS = {
    "torch": "version of torch",
    "device": "device",
    "devices": "number of devices",
    "processor": "instructions of the processor",
    "precision": "precision",
    "threads": "number of threads",
    "epochs": "number of epochs",
    "batch_size": "batch size",
}


def differences(records: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what differs between the ``trial.json`` of trials, in words, with its values in their order.

    What a record does not say, that of an older trial, differs from nothing.
    """
    found: dict[str, dict[str, None]] = {}
    for record in records:
        values = {**record, "torch": record.get("versions", {}).get("torch")}
        if record.get("device") != "cpu":
            values["processor"] = None
        for key, words in WORDS.items():
            if values.get(key) is not None:
                found.setdefault(words, {})[str(values[key])] = None
    return {words: list(values) for words, values in found.items() if len(values) > 1}


def check(records: Iterable[Mapping[str, Any]]) -> None:
    """Raise a StudyError if the ``trial.json`` of trials say that their arithmetic differs."""
    if different := differences(records):
        raise StudyError(
            f"compare.mixed: the trials differ in {in_words(different)}; train those of one kind again with 'dvc repro "
            "-f' on their stages, or compare them all the same with -S compare.mixed=true"
        )


def in_words(different: Mapping[str, list[str]]) -> str:
    """Return ``version of torch (2.15.0, 2.16.0) and precision (...)`` for what `differences` found."""
    return " and ".join(f"{words} ({', '.join(values)})" for words, values in different.items())
