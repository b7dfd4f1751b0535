"""The default data set: its ray caster against geometry worked out by hand, its pictures against what is promised."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loss_study import datasets
from loss_study.datasets.scenes import Scenes, open_dataset
from loss_study.runtime.errors import StudyError
from loss_study.scenes import objects, places, shots, textures
from loss_study.scenes.backdrop import Ground, Sky, Surfaces, Wall
from loss_study.scenes.camera import Camera
from loss_study.scenes.light import Light
from loss_study.scenes.render import Lens, Scene, encode_depth, render, trace
from loss_study.scenes.solids import Skin, ball, box, tube, turned

SIZE = 64
PATH = Path("unused")


@pytest.fixture(scope="module")
def many() -> dict[str, np.ndarray]:
    """180 items as arrays: pictures, backgrounds, masks, depths."""
    source = open_dataset(PATH)
    items = source.draw(None, None, 180, np.random.default_rng(11))
    examples = [source.example(item, SIZE) for item in items]
    bare = {name: source.background(name, SIZE) for name in {item.background for item in items}}
    return {
        "images": np.stack([example.image for example in examples]),
        "backgrounds": np.stack([bare[item.background] for item in items]),
        "masks": np.stack([example.mask for example in examples]),
        "depths": np.stack([example.depth for example in examples]),
    }


@pytest.fixture(scope="module")
def skin() -> Skin:
    return Skin(textures.Texture.from_tile(np.full((4, 4, 3), 0.5, dtype=np.float32)))


def object_scene(number: int) -> Scene:
    rng = np.random.default_rng(number)
    return shots.object_shot(places.build(rng), objects.build(rng), rng)


# The data set as a whole


def test_foreground_share_is_that_of_the_original_data_and_varies_widely(many):
    share = (many["masks"] / 255).mean(axis=(1, 2))
    assert 0.07 < share.mean() < 0.10
    assert share.min() > 0
    low, high = np.quantile(share, [0.1, 0.9])
    assert high > 4 * low


def test_depth_is_never_zero_and_has_the_mean_of_the_original_data(many):
    depth = many["depths"]
    assert depth.min() > 0
    assert 0.34 < depth.mean() / 255 < 0.44
    assert len(np.unique(depth)) > 150


def test_edges_of_the_mask_are_soft_and_few(many):
    soft = ((many["masks"] > 0) & (many["masks"] < 255)).mean(axis=(1, 2))
    assert (soft > 0).all()
    assert 0.005 < soft.mean() < 0.03


def best_subtraction_iou(difference: np.ndarray, mask: np.ndarray) -> float:
    """Mean IoU of ``difference > t`` with the mask, at the best t."""

    def mean_iou(threshold: int) -> float:
        found = difference > threshold
        return ((found & mask).sum(axis=(1, 2)) / (found | mask).sum(axis=(1, 2))).mean()

    return max(mean_iou(threshold) for threshold in range(0, 200, 4))


def test_subtracting_the_background_does_not_find_the_object(many):
    mask = many["masks"] >= 128
    difference = np.abs(many["images"].astype(int) - many["backgrounds"])
    assert best_subtraction_iou(100 * mask, mask) == 1
    assert best_subtraction_iou(difference.max(axis=-1), mask) < 0.45
    assert best_subtraction_iou(difference.mean(axis=-1), mask) < 0.45


def test_pictures_use_the_range_without_clipping(many):
    pictures = many["images"]
    assert 90 < pictures.mean() < 170
    assert pictures.std(axis=(1, 2, 3)).min() > 10
    assert np.isin(pictures, (0, 255)).mean() < 0.05


@pytest.mark.parametrize("size", [16, 64, 112])
def test_arrays_have_the_size_and_type_asked_for(size):
    source = open_dataset(PATH)
    item = source.draw(None, None, 1, np.random.default_rng(0))[0]
    example, background = source.example(item, size), source.background(item.background, size)
    assert example.image.shape == background.shape == (size, size, 3)
    assert example.mask.shape == example.depth.shape == (size, size)
    assert {array.dtype for array in (example.image, example.mask, example.depth, background)} == {np.dtype(np.uint8)}


def test_the_size_does_not_change_the_scene():
    source = open_dataset(PATH)
    for item in source.draw(None, None, 8, np.random.default_rng(2)):
        small, large = source.example(item, 48).mask, source.example(item, 96).mask
        pooled = large.reshape(48, 2, 48, 2).mean(axis=(1, 3))
        assert np.abs(pooled - small).mean() < 0.15 * small.mean()


def digests(source: Scenes, numbers: list[int]) -> dict[str, str]:
    """Digest of all arrays of some items, made in the order given."""
    items = source.draw(None, None, 4, np.random.default_rng(5))
    found = {}
    for number in numbers:
        item = items[number]
        example = source.example(item, 32)
        arrays = (example.image, example.mask, example.depth, source.background(item.background, 32))
        found[item.id] = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    return found


def test_the_same_item_is_the_same_in_another_process_and_order():
    program = "import test_scenes as t; print(t.json.dumps(t.digests(t.open_dataset(t.PATH), [3, 1, 0, 2])))"
    environment = {
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])]),
    }
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    here = digests(pickle.loads(pickle.dumps(open_dataset(PATH))), [0, 1, 2, 3])
    assert here == json.loads(printed)
    assert len(set(here.values())) == 4


def test_another_seed_gives_other_pictures():
    first, second = digests(open_dataset(PATH, seed=0), [0, 1]), digests(open_dataset(PATH, seed=1), [0, 1])
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())


def test_draw_gives_distinct_items_of_the_identities_asked_for():
    source = open_dataset(PATH, backgrounds=30, objects=40, placements=5)
    assert (len(source.backgrounds), len(source.objects)) == (30, 40)
    assert list(source.backgrounds) == sorted(source.backgrounds)
    items = source.draw(["b003", "b017"], ["c005"], 8, np.random.default_rng(0))
    assert len({item.id for item in items}) == 8
    assert {item.background for item in items} <= {"b003", "b017"}
    assert {item.object for item in items} == {"c005"}
    assert all(item.id.startswith(f"scene-{item.background}-{item.object}-p0") for item in items)


def test_draw_gives_all_items_where_more_are_asked_for():
    source = open_dataset(PATH, backgrounds=3, objects=4, placements=5)
    items = source.draw(None, None, 1000, np.random.default_rng(0))
    assert len(items) == len({item.id for item in items}) == 60


def test_draw_depends_on_its_generator_alone():
    source = open_dataset(PATH)
    first, again, other = (source.draw(None, None, 50, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_a_pair_is_placed_anew_each_time():
    source = open_dataset(PATH)
    items = source.draw(["b001"], ["c002"], 4, np.random.default_rng(0))
    masks = [source.example(item, 32).mask for item in items]
    assert all((masks[0] != mask).any() for mask in masks[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backgrounds": 0}, r"dataset\.options\.backgrounds: .*greater than or equal to 1; got 0"),
        ({"subject": 5}, r"dataset\.options\.subject: no such key; did you mean 'objects'"),
        ({"seed": "x"}, r"dataset\.options\.seed: .*integer"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(StudyError, match=message):
        datasets.open_dataset("scenes", PATH, options)


# Geometry


@pytest.mark.parametrize("number", range(6))
def test_the_object_is_in_front_of_what_is_there_without_it(number):
    scene = object_scene(number)
    bare = replace(scene, solids=scene.solids[: -scene.foreground], foreground=0)
    _, mask, depth = render(scene, SIZE, np.random.default_rng(0))
    _, empty, behind = render(bare, SIZE, np.random.default_rng(0))
    assert not empty.any()
    assert (depth[mask == 255] < behind[mask == 255]).mean() > 0.98
    assert (depth <= behind).all()
    assert (depth[mask == 0] == behind[mask == 0]).all()


def test_a_ball_before_a_wall_has_the_mask_and_depth_worked_out_by_hand(skin):
    # Radius 1 at distance 4: nearest point at 3 m, silhouette of radius focal / sqrt(4^2 - 1) half sides.
    light = Light(np.array([0, 0, -1.0]), *np.ones((3, 3), dtype=np.float32), 0.03, np.zeros(3, dtype=np.float32), 0.0)
    black = np.zeros(3, dtype=np.float32)
    scene = Scene(
        camera=Camera.aimed(np.array([0, 5.0, 0]), 0.0, 0.0, 0.0, 2.0),
        lens=Lens(1.0, np.ones(3), 0.0, 0.0),
        light=light,
        ground=Ground(skin),
        walls=[Wall(0.0, 9.0, skin, np.array([100.0]))],
        sky=Sky(black, black, skin.texture, 0.0),
        solids=[ball((0, 5, 4), 1.0, skin)],
        foreground=1,
    )
    _, mask, depth = render(scene, 128, np.random.default_rng(0))
    assert mask.mean() / 255 == pytest.approx(np.pi * (2 / np.sqrt(15)) ** 2 / 4, rel=2e-3)
    assert depth.min() == round(255 * 3 / (3 + 9))
    assert (depth[mask == 0] == encode_depth(np.float32(9))).all()
    # The silhouette touches the ball at 15/4 m: nothing lies between that and the wall.
    on_ball = depth <= encode_depth(np.float32(15 / 4)) + 1
    assert (on_ball | (depth == encode_depth(np.float32(9)))).all()
    assert (on_ball == (mask >= 127)).all()


def test_depth_is_stored_as_documented():
    assert encode_depth(np.array([0.0, 3.0, 9.0, np.inf], dtype=np.float32)).tolist() == [0, 64, 128, 229]


def solids(skin: Skin) -> list:
    turn = turned(0.4, -0.7, 1.1)
    return [
        ball((0.1, 0.2, 3), (0.5, 0.3, 0.7), skin, turn),
        box((0.1, 0.2, 3), (0.5, 0.3, 0.7), skin, turn),
        *[tube((0, 0.1, 3), 0.5, 0.6, skin, taper, turn) for taper in (1.0, 0.0, 0.4, 1.7)],
        tube((0, 0.1, 3), 0.5, 0.6, skin, 0.0, turned(pitch=np.pi / 2)),
    ]


def inside(solid, points: np.ndarray) -> np.ndarray:
    """Whether points (3, n) lie in a solid: from the definition of the unit shapes alone."""
    x, y, z = (solid.turn.T @ (points - solid.centre[:, None])) / solid.half[:, None]
    if solid.shape == "ball":
        return x * x + y * y + z * z <= 1
    if solid.shape == "box":
        return np.max(np.abs([x, y, z]), axis=0) <= 1
    radius = 1 + (solid.taper - 1) * (y + 1) / 2
    return (np.abs(y) <= 1) & (x * x + z * z <= radius * radius)


@pytest.mark.parametrize("number", range(7))
def test_rays_enter_a_solid_where_points_along_them_first_lie_inside(number, skin):
    solid = solids(skin)[number]
    origin = np.array([0.0, 0.3, 0.0], dtype=np.float32)
    rng = np.random.default_rng(number)
    rays = np.vstack([rng.uniform(-0.3, 0.3, (2, 600)), np.ones((1, 600))]).astype(np.float32)
    steps = np.linspace(1.5, 4.5, 3001)
    within = np.stack([inside(solid, origin[:, None] + step * rays) for step in steps])
    expected = np.where(within.any(axis=0), steps[within.argmax(axis=0)], np.inf)
    found = solid.meet(origin, rays)
    # Marching misses a chord shorter than its step of 1 mm.
    assert (np.isfinite(found) != np.isfinite(expected)).mean() < 0.01
    both = np.isfinite(found) & np.isfinite(expected)
    assert 100 < both.sum() < 500
    assert np.abs(found[both] - expected[both]).max() < 2e-3


@pytest.mark.parametrize("number", range(7))
def test_normals_point_out_of_a_solid_and_have_length_one(number, skin):
    solid = solids(skin)[number]
    origin = np.array([0.0, 0.3, 0.0], dtype=np.float32)
    rng = np.random.default_rng(number)
    rays = np.vstack([rng.uniform(-0.2, 0.2, (2, 300)), np.ones((1, 300))]).astype(np.float32)
    depth = solid.meet(origin, rays)
    hit = np.isfinite(depth)
    points = origin[:, None] + depth[hit] * rays[:, hit]
    normal, _, _ = solid.surface(points)
    assert np.allclose(np.linalg.norm(normal, axis=0), 1, atol=1e-4)
    assert not inside(solid, points + 2e-3 * normal).any()
    # Within 2 mm of an edge a step inwards may leave through another face.
    assert inside(solid, points - 2e-3 * normal).mean() > 0.98


@pytest.mark.parametrize("number", range(7))
def test_a_shadow_is_dark_in_its_middle_and_ends(number, skin):
    solid = solids(skin)[number]
    towards = np.array([0.6, 0.8, 0.0], dtype=np.float32)
    middle = solid.centre + 0.02 * solid.turn[:, 1]
    below, above = middle - 3 * towards, middle + 3 * towards
    aside = below + np.array([0.0, 0.0, 2.0])
    light = solid.light_past(np.stack([below, above, aside], axis=1).astype(np.float32), towards, 0.03)
    assert light == pytest.approx([0, 1, 1], abs=1e-6)


def test_a_wider_light_makes_a_softer_shadow(skin):
    solid, towards = ball((0, 3, 0), 0.5, skin), np.array([0, 1.0, 0], dtype=np.float32)
    line = np.zeros((3, 400), dtype=np.float32)
    line[0] = np.linspace(0, 2, 400)
    soft = [
        ((light > 0.01) & (light < 0.99)).sum() for light in (solid.light_past(line, towards, w) for w in (0.02, 0.1))
    ]
    assert 5 * soft[0] > soft[1] > 3 * soft[0] > 0


@pytest.mark.parametrize("number", range(4))
def test_no_ray_that_meets_a_solid_is_left_out_by_its_window(number):
    scene = object_scene(number)
    rays = scene.camera.rays(64)
    found = trace(scene, rays)
    backdrop = trace(replace(scene, solids=[], foreground=0), rays)
    depths = np.stack([backdrop.depth, *(s.meet(scene.camera.position, rays.reshape(3, -1)) for s in scene.solids)])
    assert np.array_equal(found.depth, depths.min(axis=0))


def test_the_ground_is_where_the_camera_says(skin):
    camera = Camera.aimed(np.array([0, 1.5, 0]), 0.1, -0.3, 0.05, 1.7)
    rays = camera.rays(16).reshape(3, -1)
    surfaces = Surfaces.empty(256)
    Ground(skin).draw(camera, rays, camera.spacing(16), surfaces, 80.0)
    met = np.isfinite(surfaces.depth)
    points = camera.position[:, None] + surfaces.depth[met] * rays[:, met]
    assert 128 < met.sum() < 256
    assert np.abs(points[1]).max() < 1e-4
    x, y, z = np.transpose([camera.project(point) for point in points.T.astype(float)])
    rows, columns = np.divmod(np.flatnonzero(met), 16)
    assert np.allclose([(columns + 0.5) / 8 - 1, 1 - (rows + 0.5) / 8, surfaces.depth[met]], [x, y, z], atol=1e-4)


def test_a_texture_gives_its_texels_wraps_and_blurs_to_its_mean():
    tile = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    texture = textures.Texture.from_tile(tile)
    row, column = np.divmod(np.arange(64), 8)
    u, v = ((column + 0.5) / 8).astype(np.float32), ((row + 0.5) / 8).astype(np.float32)
    sharp, wide = np.full(64, 1e-3, dtype=np.float32), np.full(64, 8.0, dtype=np.float32)
    assert np.abs(texture.sample(u, v, sharp).T - tile.reshape(-1, 3)).max() < 0.01
    assert np.allclose(texture.sample(u + 3, v - 2, sharp), texture.sample(u, v, sharp), atol=1e-4)
    assert np.abs(texture.sample(u, v, wide).T - tile.mean(axis=(0, 1))).max() < 0.01


@pytest.mark.parametrize("pattern", sorted(textures.PATTERNS))
def test_every_pattern_repeats_without_a_seam(pattern):
    colours = [np.array(c, dtype=np.float32) for c in ((0.8, 0.2, 0.1), (0.2, 0.6, 0.3), (0.1, 0.1, 0.7))]
    tile = textures.PATTERNS[pattern](np.random.default_rng(0), 64, colours)
    assert tile.shape == (64, 64, 3)
    assert np.isfinite(tile).all()
    for axis in (0, 1):
        steps = np.abs(np.diff(tile, axis=axis, append=tile.take([0], axis=axis))).mean(axis=(1 - axis, 2))
        assert steps[-1] <= 1.3 * steps[:-1].max()
