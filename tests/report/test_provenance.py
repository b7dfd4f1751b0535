"""How the study was run, as the page says it."""

import json
import re
from pathlib import Path

from loss_study import losses
from loss_study.data.packed import PackedSample
from loss_study.report.sections import provenance


def test_shared_identities_are_counted_not_assumed(study):
    assert provenance.sharing(study.sample) == [
        "No object is in two splits.",
        "No background is in two splits.",
    ]
    index = Path("data/sample/index.csv")
    index.write_text(index.read_text().replace("bg2,", "bg0,"))
    shared = provenance.sharing(PackedSample.open(Path("data/sample")))
    assert shared[0] == "No object is in two splits."
    assert shared[1] == "Warning: splits share 1 background, so test results are too good for every loss."


def test_names_alone_do_not_tell_that_no_object_is_shared(study):
    path = Path("data/sample/sample.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"objects_by_name": True}))
    shared = provenance.sharing(PackedSample.open(Path("data/sample")))
    assert shared[0].startswith("No object's name is in two splits; ")
    assert shared[1] == "No background is in two splits."


def test_unknown_identities_are_said_to_be_unknown(study):
    index = Path("data/sample/index.csv")
    index.write_text(re.sub(r",cut\d", ",", index.read_text()))
    sample = PackedSample.open(Path("data/sample"))
    assert provenance.sharing(sample)[0].startswith("The objects are unknown")
    assert [split["objects"] for split in provenance.splits(sample)] == [None, None, None]


def test_coverage_says_what_is_left_out(one_seed):
    read = one_seed(["dice", "l1"])
    others = ", ".join(name for name in losses.names() if name not in ("dice", "l1"))
    assert provenance.coverage(read.config, read.results) == (
        f"2 heads (mask, depth), 2 losses (dice, l1), 1 seed (0). Losses not in this study: {others}."
    )


def test_the_table_of_layouts_is_not_on_the_page(study):
    options = {"layout": "mine", "layouts": {"mine": {"image": "a/{number}"}}}
    dataset = study.config.dataset.model_copy(update={"options": options})
    how = provenance.describe(
        study.config.model_copy(update={"dataset": dataset}),
        study.results,
        study.sample,
        provenance.Origin("", False, ""),
    )
    assert how["config"]["Dataset"]["options.layout"] == "mine"
    assert not any("layouts" in name for name in how["config"]["Dataset"])
