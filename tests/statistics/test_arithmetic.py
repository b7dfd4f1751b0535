"""Trials of different arithmetic are compared only where one says so, and then the page tells."""

import json
from pathlib import Path

import pytest

from loss_study.runtime.errors import StudyError
from loss_study.statistics.arithmetic import check, differences, in_words
from support.fabricated_study import REPOSITORY, Study, fabricate

ONE = {"device": "cpu", "devices": 1, "processor": "AVX2", "precision": "float32", "threads": 1}
ONE |= {"versions": {"torch": "2.15.0"}}


def test_the_same_arithmetic_and_what_is_not_known_differ_in_nothing():
    assert differences([ONE, ONE, {}, {"device": "cpu"}]) == {}
    check([ONE, {"versions": {"python": "3.12"}}])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"versions": {"torch": "2.16.0"}}, "version of torch (2.15.0, 2.16.0)"),
        ({"device": "NVIDIA H200"}, "device (cpu, NVIDIA H200)"),
        ({"devices": 2}, "number of devices (1, 2)"),
        ({"processor": "AVX512"}, "instructions of the processor (AVX2, AVX512)"),
        ({"precision": "bfloat16", "threads": 4}, "precision (float32, bfloat16) and number of threads (1, 4)"),
    ],
)
def test_what_differs_is_said(other, words):
    assert in_words(differences([ONE, ONE | other])) == words
    with pytest.raises(StudyError, match=r"^compare\.mixed: the trials differ in ") as error:
        check([ONE, ONE | other])
    assert words in str(error.value) and "-S compare.mixed=true" in str(error.value)


def test_the_processor_beside_a_gpu_does_not_count():
    gpu = ONE | {"device": "NVIDIA H200"}
    assert differences([gpu, gpu | {"processor": "AVX512"}]) == {}


def test_a_study_is_refused_unless_it_may_be_mixed_and_then_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fabricate(tmp_path, repository=REPOSITORY)
    assert "The trials differ in" not in Study.read().page()
    path = Path("runs/1/mask/dice/0/trial.json")
    record = json.loads(path.read_text())
    record["versions"]["torch"] = "2.16.0"
    path.write_text(json.dumps(record))
    with pytest.raises(StudyError, match=r"^compare\.mixed: the trials differ in version of torch"):
        Study.read()
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("mixed: false", "mixed: true"))
    page = Study.read().page()
    assert "The trials differ in version of torch (2.15.0, 2.16.0)." in page
