"""Colours of losses, on the page and in DVC's plots."""

import json
import re

import numpy as np
import pytest

from loss_study import losses
from loss_study.report import palette
from support.fabricated_study import IOU, REPOSITORY


def linear_rgb(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def luminance(colour):
    return np.dot([0.2126, 0.7152, 0.0722], linear_rgb(colour))


def contrast(a, b):
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_colours_are_fixed_distinct_and_visible():
    names = [*losses.names(), "combination"]
    colours = palette.colours(names)
    assert palette.colours(["dice"])["dice"] == colours["dice"]
    assert len({colour.light for colour in colours.values()}) == len(names)
    page = (REPOSITORY / "src/loss_study/report/page.css").read_text()
    light, dark = re.findall(r"--page: (#\w{6})", page)
    for colour in colours.values():
        assert contrast(colour.light, light) >= 3
        assert contrast(colour.dark, dark) >= 3


# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency" (2009).
VISIONS = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
def test_colours_of_the_study_differ_with_any_colour_vision(vision, page):
    from skimage.color import deltaE_ciede2000, rgb2lab

    codes = [getattr(colour, page) for colour in palette.colours(IOU).values()]
    linear = np.array([linear_rgb(code) for code in codes]) @ np.array(VISIONS[vision]).T
    seen = np.clip(linear, 0, 1)
    lab = rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
    differences = deltaE_ciede2000(lab[:, None], lab[None])[np.triu_indices(7, 1)]
    assert differences.min() > 17


def test_dvc_plots_draw_every_loss_in_its_colour():
    from dvc_render import VegaRenderer

    point = {"rev": "HEAD", "head": "mask", "loss": "a_new_loss", "seed": "0", "epoch": "1", "validation": "0.5"}
    points = [point | {"colour": "#123456"}]
    renderer = VegaRenderer(
        points, "curves", template="curves", template_dir=REPOSITORY / ".dvc/plots", x="epoch", y="validation"
    )
    spec = renderer.get_filled_template()
    assert "<DVC" not in json.dumps(spec)
    assert spec["data"]["values"] == points
    curves, legend = spec["hconcat"]
    channels = {channel: curves["encoding"][channel]["field"] for channel in ("x", "y", "row", "strokeDash")}
    assert channels == {"x": "epoch", "y": "validation", "row": "head", "strokeDash": "rev"}
    assert [detail["field"] for detail in curves["encoding"]["detail"]] == ["loss", "seed"]
    # Without a scale the colour is the value of the column itself: there is no list of losses that drops the others.
    for view in (curves, legend):
        assert view["encoding"]["color"] == {"field": "colour", "type": "nominal", "scale": None}
    assert legend["encoding"]["y"]["field"] == "loss" and "domain" not in json.dumps(
        legend["encoding"]["y"].get("scale")
    )
