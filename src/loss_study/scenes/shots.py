"""Two kinds of shots of a place: the bare background, and the picture with an object in it.

No two shots agree: the light moves and changes colour, the camera shifts and is exposed anew, things of the place are
moved or painted, litter comes and goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loss_study.scenes.camera import Camera
from loss_study.scenes.distractors import Thing, litter
from loss_study.scenes.light import Light
from loss_study.scenes.objects import SceneObject
from loss_study.scenes.places import Place
from loss_study.scenes.render import Lens, Scene
from loss_study.scenes.solids import Solid, turned

#: Median share of the picture that an object is given, and the spread of its logarithm.
SHARE, SHARE_SPREAD = 0.073, 0.65
#: Tries of a spot before the last one is taken as it is.
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
        """Radius in metres that keeps other things out."""
        return 0.5 * self.scale


def background_shot(place: Place, rng: np.random.Generator) -> Scene:
    """Return the place without an object."""
    things = _changed_things(place, rng)
    return _scene(place, things, [], _camera(place, rng), rng)


def object_shot(place: Place, subject: SceneObject, rng: np.random.Generator) -> Scene:
    """Return the place with `subject` in it."""
    camera = _camera(place, rng)
    things = _changed_things(place, rng)
    spot = _spot(place, subject, camera, things, rng)
    turn = turned(yaw=spot.yaw)
    parts = [part.placed(spot.scale, turn, spot.position) for part in subject.parts]
    return _scene(place, things, parts, camera, rng)


def _scene(
    place: Place, things: Sequence[Thing], parts: Sequence[Solid], camera: Camera, rng: np.random.Generator
) -> Scene:
    solids = [*place.images, *(solid for thing in things for solid in thing.solids()), *parts]
    lens = Lens(
        exposure=0.62 * np.exp(rng.normal(0, 0.16)),
        gains=np.exp(rng.normal(0, 0.05, 3)),
        noise=rng.uniform(0.008, 0.03),
        falloff=rng.uniform(0.0, 0.14),
    )
    return Scene(camera, lens, _light(place, rng), place.ground, place.walls, place.sky, solids, len(parts))


def _camera(place: Place, rng: np.random.Generator) -> Camera:
    shift = rng.normal(0, (0.05, 0.03, 0.05)) + np.array([0, place.eye, 0])
    yaw, pitch, roll = rng.normal(0, 0.012, 3)
    return Camera.aimed(shift, yaw, place.pitch + pitch, roll, place.focal * np.exp(rng.normal(0, 0.01)))


def _light(place: Place, rng: np.random.Generator) -> Light:
    mood = place.mood
    bearing, height = place.bearing + rng.normal(0, 0.4), np.clip(place.height + rng.normal(0, 0.1), 0.2, 1.3)
    towards = np.array([np.sin(bearing) * np.cos(height), np.sin(height), -np.cos(bearing) * np.cos(height)])
    # A passing cloud now and then takes most of the key light and softens what is left.
    veil = rng.uniform(0.15, 0.5) if rng.random() < 0.2 else 1.0
    key = np.float32(mood.key) * np.exp(rng.normal(0, 0.06, 3)) * veil * np.exp(rng.normal(0, 0.12))
    sky = np.float32(mood.sky) * np.exp(rng.normal(0, 0.05, 3)) * (1.4 - 0.4 * veil)
    bounce = 0.35 * sky + 0.12 * key
    haze = 0.8 * np.float32(mood.horizon)
    penumbra = mood.penumbra if veil == 1.0 else max(mood.penumbra, 0.25)
    return Light(towards, *(colour.astype(np.float32) for colour in (key, sky, bounce)), penumbra, haze, mood.fading)


def _changed_things(place: Place, rng: np.random.Generator) -> list[Thing]:
    """Move or paint a few of the place's things and scatter litter."""
    things = []
    for thing in place.things:
        fate = rng.random()
        if fate < 0.2:
            x, z = thing.x + rng.uniform(-0.6, 0.6), np.clip(thing.z + rng.uniform(-0.4, 0.4), 2.2, place.deep - 0.5)
            things.append(thing.at(x, z, rng.uniform(0, 2 * np.pi)))
        elif fate < 0.35:
            things.append(thing.tinted(tuple(rng.uniform(0.35, 1.3, 3))))
        else:
            things.append(thing)
    for _ in range(int(rng.integers(0, 3))):
        z = rng.uniform(1.9, 4.5)
        things.append(litter(rng).at(rng.uniform(-0.9, 0.9) * z / place.focal, z, rng.uniform(0, 2 * np.pi)))
    return things


def _spot(
    place: Place, subject: SceneObject, camera: Camera, things: Sequence[Thing], rng: np.random.Generator
) -> Spot:
    """Draw sizes and places until nothing stands in the object or hides most of it: 2 or 3 tries as a rule."""
    for _ in range(TRIES):
        share = np.clip(np.exp(rng.normal(np.log(SHARE), SHARE_SPREAD)), 0.008, 0.32)
        extent = np.sqrt(4 * share / FILLED) / camera.focal
        z = rng.uniform(max(1.9, 0.3 / extent), max(2.2, min(place.deep - 0.8, 1.5 / extent)))
        x = rng.uniform(-0.85, 0.85) * z / camera.focal
        hovers = rng.random() < (0.75 if subject.flies else 0.12)
        y = rng.uniform(0.1, 0.9) if hovers else 0.0
        spot = Spot(np.array([x, y, z]), extent * z, rng.uniform(0, 2 * np.pi))
        if _fits(spot, spot.scale * subject.height, place, camera, things):
            break
    return spot


def _fits(spot: Spot, height: float, place: Place, camera: Camera, things: Sequence[Thing]) -> bool:
    x, _, z = spot.position
    # The sides and the bottom may cut an object, the more so the smaller it is; the top hardly ever does.
    across, middle, _ = camera.project(spot.position + np.array([0, 0.5 * height, 0]))
    _, top, _ = camera.project(spot.position + np.array([0, height, 0]))
    if max(abs(across), -middle) > 0.95 - 0.3 * spot.scale * place.focal / z or top > 1.02:
        return False
    if not all(wall.clears(x, z, spot.radius) for wall in place.walls):
        return False
    for thing in things:
        if thing.flat:
            continue
        if np.hypot(thing.x - x, thing.z - z) < thing.radius + spot.radius:
            return False
        hides = thing.z < z and abs(thing.x / thing.z - x / z) < thing.radius / thing.z + 0.15 * spot.scale / z
        if hides and thing.radius > 0.12:
            return False
    return True
