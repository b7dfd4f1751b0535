"""The renderer against geometry that is worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loss_study.scenes import backgrounds, objects, shots, textures
from loss_study.scenes.camera import Camera
from loss_study.scenes.ground_and_sky import Ground, Sky, Wall
from loss_study.scenes.group import Group
from loss_study.scenes.light import Light
from loss_study.scenes.render import FARTHEST_M, Lens, Scene, render, trace
from loss_study.scenes.solids import Skin, ball, box, tube, turned

SIZE = 64


@pytest.fixture(scope="module")
def skin() -> Skin:
    return Skin(textures.Texture.from_tile(np.full((3, 4, 4), 0.5, dtype=np.float32)))


def object_scene(number: int) -> Scene:
    rng = np.random.default_rng(number)
    return shots.object_shot(backgrounds.build(rng), objects.build(rng), rng)


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
    _, mask, depth_m = render(scene, 128, np.random.default_rng(0))
    assert mask.mean() / 255 == pytest.approx(np.pi * (2 / np.sqrt(15)) ** 2 / 4, rel=2e-3)
    assert depth_m.min() == pytest.approx(3, abs=2e-3)
    assert depth_m[mask == 0] == pytest.approx(9, rel=1e-6)
    # The silhouette touches the ball at 15/4 m: nothing lies between that and the wall.
    on_ball = depth_m <= 15 / 4
    assert depth_m[~on_ball] == pytest.approx(9, rel=1e-6)
    assert (on_ball == (mask >= 127)).all()


def test_the_sky_is_as_far_as_the_ground_goes():
    depths_m = [render(object_scene(number), SIZE, np.random.default_rng(0))[2] for number in range(6)]
    assert max(depth_m.max() for depth_m in depths_m) == FARTHEST_M
    assert all(depth_m.dtype == np.float32 and depth_m.min() > 0.2 for depth_m in depths_m)


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
    found = Group([solid]).meet(origin, {0: rays})[0]
    # Marching misses a chord shorter than its step of 1 mm.
    assert (np.isfinite(found) != np.isfinite(expected)).mean() < 0.01
    both = np.isfinite(found) & np.isfinite(expected)
    assert 100 < both.sum() < 500
    assert np.abs(found[both] - expected[both]).max() < 2e-3


def test_solids_of_a_group_are_what_each_of_them_is_alone(skin):
    """Also where their shapes alternate, one has a single ray and another none."""
    alone = solids(skin)
    group, counts = Group(alone), {6: 40, 0: 7, 3: 1, 1: 25, 4: 30}
    rng = np.random.default_rng(0)
    origin, towards = np.array([0.0, 0.3, 0.0], dtype=np.float32), np.array([0.6, 0.8, 0.0], dtype=np.float32)
    rays, points, normals = (
        {number: rng.uniform(-0.2, 0.2, (3, count)).astype(np.float32) for number, count in counts.items()}
        for _ in range(3)
    )
    for given in (rays, points):
        for array in given.values():
            array[2] += 1
    together = (
        group.meet(origin, rays),
        *group.surface(points),
        group.light_past(points, towards, 0.05),
        group.sky_past(points, normals),
    )
    for number in counts:
        one, ray, point = Group([alone[number]]), {0: rays[number]}, {0: points[number]}
        each = (
            one.meet(origin, ray),
            *one.surface(point),
            one.light_past(point, towards, 0.05),
            one.sky_past(point, {0: normals[number]}),
        )
        for found, expected in zip(together, each, strict=True):
            assert found.keys() == counts.keys()
            assert np.allclose(found[number], expected[0], rtol=1e-5, atol=1e-6), number


@pytest.mark.parametrize("number", range(7))
def test_normals_point_out_of_a_solid_and_have_length_one(number, skin):
    solid = solids(skin)[number]
    origin = np.array([0.0, 0.3, 0.0], dtype=np.float32)
    rng = np.random.default_rng(number)
    rays = np.vstack([rng.uniform(-0.2, 0.2, (2, 300)), np.ones((1, 300))]).astype(np.float32)
    depth = Group([solid]).meet(origin, {0: rays})[0]
    hit = np.isfinite(depth)
    points = origin[:, None] + depth[hit] * rays[:, hit]
    normal = Group([solid]).surface({0: points})[0][0]
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
    points = np.stack([below, above, aside], axis=1).astype(np.float32)
    light = Group([solid]).light_past({0: points}, towards, 0.03)[0]
    assert light == pytest.approx([0, 1, 1], abs=1e-6)


def test_a_wider_light_makes_a_softer_shadow(skin):
    solid, towards = ball((0, 3, 0), 0.5, skin), np.array([0, 1.0, 0], dtype=np.float32)
    line = np.zeros((3, 400), dtype=np.float32)
    line[0] = np.linspace(0, 2, 400)
    lights = [Group([solid]).light_past({0: line}, towards, penumbra)[0] for penumbra in (0.02, 0.1)]
    soft = [((light > 0.01) & (light < 0.99)).sum() for light in lights]
    assert 5 * soft[0] > soft[1] > 3 * soft[0] > 0


@pytest.mark.parametrize("number", range(4))
def test_no_ray_that_meets_a_solid_is_left_out_by_its_window(number):
    scene = object_scene(number)
    rays = scene.camera.rays(64)
    group = Group(scene.solids)
    found = trace(scene, group, rays)
    backdrop = trace(replace(scene, solids=[], foreground=0), Group([]), rays)
    everywhere = group.meet(scene.camera.position, dict.fromkeys(range(len(scene.solids)), rays.reshape(3, -1)))
    depths = np.stack([backdrop.depth, *everywhere.values()])
    assert np.array_equal(found.depth, depths.min(axis=0))


def test_the_ground_is_where_the_camera_says(skin):
    camera = Camera.aimed(np.array([0, 1.5, 0]), 0.1, -0.3, 0.05, 1.7)
    rays = camera.rays(16).reshape(3, -1)
    surfaces = Ground(skin).surfaces(camera, rays, camera.spacing(16), 0, 80.0)
    met = np.isfinite(surfaces.depth)
    points = camera.position[:, None] + surfaces.depth[met] * rays[:, met]
    assert 128 < met.sum() < 256
    assert np.abs(points[1]).max() < 1e-4
    x, y, z = np.transpose([camera.project(point) for point in points.T.astype(float)])
    rows, columns = np.divmod(np.flatnonzero(met), 16)
    assert np.allclose([(columns + 0.5) / 8 - 1, 1 - (rows + 0.5) / 8, surfaces.depth[met]], [x, y, z], atol=1e-4)


def test_a_texture_gives_its_texels_wraps_and_blurs_to_its_mean():
    tile = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    texture = textures.Texture.from_tile(tile)

    def sample(*places: np.ndarray) -> np.ndarray:
        return textures.sample([texture], np.zeros(64, int), *places)

    row, column = np.divmod(np.arange(64), 8)
    u, v = ((column + 0.5) / 8).astype(np.float32), ((row + 0.5) / 8).astype(np.float32)
    sharp, wide = np.full(64, 1e-3, dtype=np.float32), np.full(64, 8.0, dtype=np.float32)
    assert np.abs(sample(u, v, sharp) - tile.reshape(3, -1)).max() < 0.01
    assert np.allclose(sample(u + 3, v - 2, sharp), sample(u, v, sharp), atol=1e-4)
    assert np.abs(sample(u, v, wide) - tile.mean(axis=(1, 2))[:, None]).max() < 0.01


@pytest.mark.parametrize("pattern", sorted(textures.PATTERNS))
def test_every_pattern_repeats_without_a_seam(pattern):
    colours = [
        np.array(c, dtype=np.float32)[:, None, None] for c in ((0.8, 0.2, 0.1), (0.2, 0.6, 0.3), (0.1, 0.1, 0.7))
    ]
    tile = textures.PATTERNS[pattern](np.random.default_rng(0), 64, colours)
    assert tile.shape == (3, 64, 64)
    assert np.isfinite(tile).all()
    for axis in (1, 2):
        steps = np.abs(np.diff(tile, axis=axis, append=tile.take([0], axis=axis))).mean(axis=(0, 3 - axis))
        assert steps[-1] <= 1.3 * steps[:-1].max()
