"""A study that is killed ends in the reports of an undisturbed one: the short version of the kill test."""

import sys

import pytest

from support.chaos import Chaos

KILLS = 3


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_study_killed_three_times_ends_in_the_same_reports(tmp_path):
    chaos = Chaos(tmp_path / "clone", "repro", seed=0, choices=["loss.heads=[mask]"])
    chaos.kill(KILLS)
    print(chaos.tally)
    assert chaos.tally.wrong == []
    # Each kill makes another start necessary.
    assert chaos.tally.starts > KILLS
