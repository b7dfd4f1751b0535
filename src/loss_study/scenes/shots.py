"""Two kinds of shots: the bare background, and the background with an object in it.

No two shots agree: the light moves and changes colour, the camera shifts and is exposed anew, distractors are moved or
painted, litter comes and goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.scenes.backgrounds import Background
from loss_study.scenes.camera import Camera
from loss_study.scenes.distractors import Distractor, litter
from loss_study.scenes.light import Light
from loss_study.scenes.objects import SceneObject
from loss_study.scenes.render import Lens, Scene
from loss_study.scenes.solids import Solid, turned

#: Median share of the image that an object is given, and the spread of its logarithm.
SHARE, SHARE_SPREAD = 0.073, 0.65
#: After this many tries the last spot is taken.
TRIES = 200
#: Share of an object's outline box that it fills.
FILLED = 0.6


@dataclass(frozen=True)
class Spot:
    """Where an object stands: position (3,), scale, yaw and footprint radius in metres and radians."""

    position: np.ndarray
    scale: float
    yaw: float

    @property
    def radius(self) -> float:
        """Radius of the circle on the ground that nothing else may enter, in metres."""
        return 0.5 * self.scale


def background_shot(background: Background, rng: np.random.Generator) -> Scene:
    """Return the background without an object."""
    distractors = _changed_distractors(background, rng)
    return _scene(background, distractors, [], _camera(background, rng), rng)


def object_shot(background: Background, subject: SceneObject, rng: np.random.Generator) -> Scene:
    """Return the background with `subject` in it."""
    camera = _camera(background, rng)
    distractors = _changed_distractors(background, rng)
    spot = _spot(background, subject, camera, distractors, rng)
    turn = turned(yaw=spot.yaw)
    parts = [part.placed(spot.scale, turn, spot.position) for part in subject.parts]
    return _scene(background, distractors, parts, camera, rng)


def _scene(
    background: Background,
    distractors: Sequence[Distractor],
    parts: Sequence[Solid],
    camera: Camera,
    rng: np.random.Generator,
) -> Scene:
    solids = [*background.wall_solids, *(solid for distractor in distractors for solid in distractor.solids()), *parts]
    lens = Lens(
        exposure=0.62 * np.exp(rng.normal(0, 0.16)),
        gains=np.exp(rng.normal(0, 0.05, 3)),
        noise=rng.uniform(0.008, 0.03),
        falloff=rng.uniform(0.0, 0.14),
    )
    return Scene(
        camera, lens, _light(background, rng), background.ground, background.walls, background.sky, solids, len(parts)
    )


def _camera(background: Background, rng: np.random.Generator) -> Camera:
    shift = rng.normal(0, (0.05, 0.03, 0.05)) + np.array([0, background.eye, 0])
    yaw, pitch, roll = rng.normal(0, 0.012, 3)
    return Camera.aimed(shift, yaw, background.pitch + pitch, roll, background.focal * np.exp(rng.normal(0, 0.01)))


def _light(background: Background, rng: np.random.Generator) -> Light:
    lighting = background.lighting
    azimuth = background.azimuth + rng.normal(0, 0.4)
    elevation = np.clip(background.elevation + rng.normal(0, 0.1), 0.2, 1.3)
    towards = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), -np.cos(azimuth) * np.cos(elevation)])
    # A passing cloud now and then takes most of the key light and softens what is left.
    veil = rng.uniform(0.15, 0.5) if rng.random() < 0.2 else 1.0
    key = np.array(lighting.key, np.float32) * np.exp(rng.normal(0, 0.06, 3)) * veil * np.exp(rng.normal(0, 0.12))
    sky = np.array(lighting.sky, np.float32) * np.exp(rng.normal(0, 0.05, 3)) * (1.4 - 0.4 * veil)
    bounce = 0.35 * sky + 0.12 * key
    haze = 0.8 * np.array(lighting.horizon, np.float32)
    penumbra = lighting.penumbra if veil == 1.0 else max(lighting.penumbra, 0.25)
    key, sky, bounce = (colour.astype(np.float32) for colour in (key, sky, bounce))
    return Light(towards, key, sky, bounce, penumbra, haze, lighting.fading)


def _changed_distractors(background: Background, rng: np.random.Generator) -> list[Distractor]:
    """Move or paint a few of the background's distractors and scatter litter."""
    distractors = []
    for distractor in background.distractors:
        fate = rng.random()
        if fate < 0.2:
            x = distractor.x + rng.uniform(-0.6, 0.6)
            z = np.clip(distractor.z + rng.uniform(-0.4, 0.4), 2.2, background.deep - 0.5)
            distractors.append(distractor.at(x, z, rng.uniform(0, 2 * np.pi)))
        elif fate < 0.35:
            distractors.append(distractor.tinted(tuple(rng.uniform(0.35, 1.3, 3))))
        else:
            distractors.append(distractor)
    for _ in range(int(rng.integers(0, 3))):
        z = rng.uniform(1.9, 4.5)
        distractors.append(litter(rng).at(rng.uniform(-0.9, 0.9) * z / background.focal, z, rng.uniform(0, 2 * np.pi)))
    return distractors


def _spot(
    background: Background,
    subject: SceneObject,
    camera: Camera,
    distractors: Sequence[Distractor],
    rng: np.random.Generator,
) -> Spot:
    """Draw a size and a position until nothing stands in the object or hides most of it: as a rule 2 or 3 tries."""
    for _ in range(TRIES):
        share = np.clip(np.exp(rng.normal(np.log(SHARE), SHARE_SPREAD)), 0.008, 0.32)
        extent = np.sqrt(4 * share / FILLED) / camera.focal
        z = rng.uniform(max(1.9, 0.3 / extent), max(2.2, min(background.deep - 0.8, 1.5 / extent)))
        x = rng.uniform(-0.85, 0.85) * z / camera.focal
        hovers = rng.random() < (0.75 if subject.flies else 0.12)
        y = rng.uniform(0.1, 0.9) if hovers else 0.0
        spot = Spot(np.array([x, y, z]), extent * z, rng.uniform(0, 2 * np.pi))
        if _fits(spot, spot.scale * subject.height, background, camera, distractors):
            break
    return spot


def _fits(spot: Spot, height: float, background: Background, camera: Camera, distractors: Sequence[Distractor]) -> bool:
    x, _, z = spot.position
    # The sides and the bottom may cut an object, the more so the smaller it is; the top hardly ever does.
    across, middle, _ = camera.project(spot.position + np.array([0, 0.5 * height, 0]))
    _, top, _ = camera.project(spot.position + np.array([0, height, 0]))
    if max(abs(across), -middle) > 0.95 - 0.3 * spot.scale * background.focal / z or top > 1.02:
        return False
    if not all(wall.clears(x, z, spot.radius) for wall in background.walls):
        return False
    for other in distractors:
        if other.flat:
            continue
        if np.hypot(other.x - x, other.z - z) < other.radius + spot.radius:
            return False
        hides = other.z < z and abs(other.x / other.z - x / z) < other.radius / other.z + 0.15 * spot.scale / z
        if hides and other.radius > 0.12:
            return False
    return True
