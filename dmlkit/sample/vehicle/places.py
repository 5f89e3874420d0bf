"""Where vehicles stand: the backdrop, the road in perspective, the weather and the shadow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageFilter

from dmlkit.sample import scene
from dmlkit.sample.canvas import OVER
from dmlkit.sample.colours import Colour, colour, jitter, lit, mix
from dmlkit.sample.shapes import Points, blob, poly
from dmlkit.sample.vehicle.studio import NEAR, Lighting, Studio, clipped

REACH = 700.0
"""How far the ground is drawn from the vehicle, in metres."""


@dataclass(frozen=True)
class Place:
    """Sky and ground from far to near, the road, what is far away, and what is built beside the road."""

    sky: tuple[str, str]
    ground: tuple[str, str]
    road: str
    things: tuple[str, ...]
    layout: str
    wall: str = ""


PLACES = {
    "street": Place(("#a9c4dc", "#e3e9ec"), ("#a8a6a0", "#9a9892"), "#828387", ("clouds",), "street", "houses"),
    "avenue": Place(("#9cc4e2", "#e8efe6"), ("#a9a596", "#8f9a70"), "#86878a", ("clouds", "trees"), "street"),
    "car park": Place(("#a8c6de", "#e6ebec"), ("#8d8e90", "#8b8c90"), "#8e8f93", ("clouds", "trees"), "bays", "parked"),
    "motorway": Place(("#93bfe4", "#e8eff0"), ("#a5b56b", "#7f9650"), "#8c8d90", ("clouds", "hills", "trees"), "lanes", "rail"),
    "country": Place(("#96c2e4", "#edf1e6"), ("#a2b35c", "#6f8c42"), "#949088", ("clouds", "hills", "trees", "fence"), "lane"),
    "forest road": Place(("#b4cba0", "#8da877"), ("#7a8a50", "#56683a"), "#86837b", ("trunks", "leaves"), "lane"),
    "snow": Place(("#b5cbe0", "#e9eff4"), ("#eef3f8", "#d3deea"), "#c6ced8", ("mountains", "firs"), "lane"),
    "yard": Place(("#b3c3d0", "#e0e4e6"), ("#a19e97", "#8e8b84"), "#aca9a1", ("clouds",), "open", "sheds"),
    "garage": Place(("#7d7f80", "#a5a6a3"), ("#8b8a86", "#767571"), "#9a9993", (), "bays", "concrete"),
    "seafront": Place(("#8cc0e6", "#e8f0f2"), ("#cfc3a4", "#b3a684"), "#97979b", ("sea", "clouds"), "street", "railing"),
    "plain": Place(("#a5c9e2", "#f3e6cb"), ("#cdb083", "#b0905f"), "#9c9284", ("hills", "dunes"), "lane"),
}  # fmt: skip

SUITED = {
    "sedan": ("street", "avenue", "car park", "motorway", "country", "snow", "garage", "seafront", "plain"),
    "suv": ("street", "avenue", "car park", "country", "forest road", "snow", "garage", "seafront", "plain"),
    "van": ("street", "avenue", "car park", "motorway", "yard", "snow", "garage", "country"),
    "pickup": ("street", "car park", "country", "forest road", "snow", "yard", "plain", "motorway"),
    "truck": ("street", "motorway", "yard", "yard", "country", "snow", "plain", "car park"),
    "bus": ("street", "street", "avenue", "seafront", "motorway", "snow", "yard", "country"),
}
"""Where the vehicles of a body type are seen."""


def lighting_of(place: str, azimuth: float, rng: Random) -> tuple[Lighting, str]:
    """The light of an image and the time of day: day, overcast, dusk or night."""
    time = rng.choices(("day", "overcast", "dusk", "night"), (54, 22, 12, 12))[0]
    if place == "garage":
        time = "overcast"
    turn, up = azimuth + rng.uniform(-1.3, 1.3), rng.uniform(0.45, 1.1)
    direction = np.array([math.cos(turn) * math.cos(up), math.sin(turn) * math.cos(up), math.sin(up)])
    tint, gain = rng.choice(scene.LIGHTS)
    if time == "day":
        return Lighting(direction, 0.64, 0.48, (212, 228, 242), 1.0, tint, gain * 1.12), time
    if time == "overcast":
        return Lighting(direction, 0.76, 0.22, (222, 226, 230), 0.85, tint, gain * 1.08), time
    if time == "dusk":
        warm = (255, 226, 206)
        return Lighting(direction, 0.64, 0.3, (226, 176, 150), 0.8, warm, 0.94, rng.random() < 0.7), time
    return Lighting(direction, 0.62, 0.26, (120, 140, 184), 0.6, (206, 216, 250), 0.76, True), time


def paint(studio: Studio, name: str, time: str, rng: Random) -> None:
    """Paint sky, ground and what is far, then the road and what stands beside it."""
    place = PLACES[name]
    canvas, camera = studio.canvas, studio.camera
    horizon = camera.horizon() / canvas.full[1]
    size = (canvas.width // scene.REDUCED, canvas.height // scene.REDUCED)
    dim = {"day": 0.0, "overcast": 0.25, "dusk": 0.55, "night": 0.86}[time]
    dark: Colour = {"overcast": (206, 209, 212), "dusk": (120, 92, 116), "night": (20, 26, 46)}.get(time, (0, 0, 0))
    sky = [mix(jitter(colour(c), rng, 0.015, 0.04), dark, dim) for c in place.sky]
    if time == "dusk" and name != "garage":
        sky[1] = mix(sky[1], (238, 158, 104), 0.7)
    ground = [
        mix(jitter(colour(c), rng, 0.015, 0.04), (30, 34, 48), dim * 0.45 if time in ("dusk", "night") else 0)
        for c in place.ground
    ]
    y = np.linspace(0, 1, size[1])
    up = np.clip(y / max(horizon, 0.02), 0, 1)[:, None]
    down = np.clip((y - horizon) / max(1 - horizon, 0.05), 0, 1)[:, None]
    above = np.array(sky[0]) * (1 - up) + np.array(sky[1]) * up
    below = np.array(ground[0]) * (1 - down) + np.array(ground[1]) * down
    rows = np.where((y < horizon)[:, None], above, below)
    small = np.repeat(rows[:, None], size[0], axis=1)
    backdrop = scene.Backdrop(Image.fromarray(small.astype(np.uint8)), rng, horizon, ground[0], ground[1], sky[1])
    if horizon > 0.04:
        for thing in place.things:
            if not (thing == "clouds" and time == "night"):
                scene.THINGS[thing](backdrop)
    walls = Walls(studio, backdrop, rng, time)
    if place.wall:
        WALLS[place.wall](walls)
    soft = backdrop.image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 0.9)))
    smooth = soft.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)
    canvas.image.paste(smooth.resize(canvas.full, Image.Resampling.NEAREST))
    tone = mix(jitter(colour(place.road), rng, 0.01, 0.05), (30, 34, 48), dim * 0.4 if time in ("dusk", "night") else 0)
    LAYOUTS[place.layout](walls, tone, "snow" if name == "snow" else "")


@dataclass
class Walls:
    """Draws things of the place in space, into the backdrop or on the canvas."""

    studio: Studio
    backdrop: scene.Backdrop
    rng: Random
    time: str

    @property
    def side(self) -> float:
        """The side of the vehicle that lies away from the camera."""
        return -1.0 if self.studio.camera.eye[1] > 0 else 1.0

    def solid(self, points: list[tuple[float, float, float]], c: Colour) -> None:
        """An outline in space, painted into the backdrop."""
        camera = self.studio.camera
        at = np.array(points, dtype=np.float64)
        cut = clipped(at, camera.distance - (at - camera.target) @ camera.axes[2] - NEAR)
        if len(cut) > 2:
            self.backdrop.shape(camera.project(cut) / self.studio.canvas.full, c)

    def wall(self, x0: float, x1: float, y: float, z0: float, z1: float, c: Colour) -> None:
        """An upright rectangle along the road."""
        self.solid([(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)], c)

    def flat(self, outline: list[tuple[float, float]], c: Colour) -> None:
        """An outline on the ground, painted on the canvas."""
        at = self.studio.camera.ground(poly(outline))
        if at is not None:
            self.studio.canvas.pen.polygon(at.ravel().tolist(), fill=(round(c[0]), round(c[1]), round(c[2])))

    def strip(self, y0: float, y1: float, c: Colour, x0: float = -REACH, x1: float = REACH) -> None:
        """A strip of ground along the road."""
        self.flat([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], c)


def houses(w: Walls) -> None:
    """A row of fronts with windows and doors."""
    night = w.time == "night"
    x, y = -28.0, w.side * w.rng.uniform(5.5, 8.5)
    while x < 28:
        wide = w.rng.uniform(6, 11)
        tone = jitter((176, 156, 138), w.rng, 0.5, 0.1)
        tone = mix(tone, (26, 30, 44), 0.72) if night else tone
        w.wall(x, x + wide, y, 0, 14, tone)
        w.wall(x, x + wide, y, 0, 0.5, lit(tone, 0.7))
        for step in range(3):
            at = x + wide * (0.2 + 0.3 * step)
            for floor in (1.0, 4.2, 7.4):
                glow = night and w.rng.random() < 0.4
                w.wall(at - 0.6, at + 0.6, y, floor, floor + 1.7, (246, 206, 130) if glow else lit(tone, 0.55))
        x += wide


def sheds(w: Walls) -> None:
    """A warehouse with shutters, and containers before it."""
    night = w.time == "night"
    y = w.side * w.rng.uniform(6, 10)
    tone = jitter((150, 158, 164), w.rng, 0.3, 0.06)
    tone = mix(tone, (26, 30, 44), 0.7) if night else tone
    w.wall(-34, 34, y, 0, 8.5, tone)
    w.wall(-34, 34, y, 6.8, 7.6, lit(tone, 0.8))
    for step in range(-4, 5):
        w.wall(step * 7.0 - 2, step * 7.0 + 2, y, 0, 4.4, lit(tone, 1.18 if step % 2 else 0.75))
    for _ in range(2):
        x, c = w.rng.uniform(-16, 10), jitter((150, 80, 60), w.rng, 0.5, 0.1)
        w.wall(x, x + 6, y * 0.9, 0, 2.6, mix(c, (26, 30, 44), 0.6) if night else c)


def concrete(w: Walls) -> None:
    """The walls, columns and lamps of a garage."""
    tone = jitter((160, 160, 154), w.rng, 0.02, 0.06)
    c = jitter((190, 150, 70), w.rng, 0.5, 0.08)
    y = w.side * 5.5
    w.wall(-40, 40, y, 0, 3.2, tone)
    w.wall(-40, 40, y, 0.8, 1.25, c)
    away = -math.copysign(26.0, w.studio.camera.eye[0])
    w.solid([(away, -40, 0), (away, 40, 0), (away, 40, 3.2), (away, -40, 3.2)], lit(tone, 0.8))
    w.solid([(-40, -40, 3.2), (40, -40, 3.2), (40, 40, 3.2), (-40, 40, 3.2)], lit(tone, 0.62))
    for k in range(-4, 5):
        x = k * 5.4 + 2.7
        w.solid([(x, -2, 3.15), (x + 0.5, -2, 3.15), (x + 0.5, 2, 3.15), (x, 2, 3.15)], (246, 246, 236))
        w.wall(x - 0.3, x + 0.3, w.side * 3.4, 0, 3.2, lit(tone, 0.86))
        w.wall(x - 0.3, x + 0.3, w.side * 3.4, 0, 1.0, (206, 176, 60))


def parked(w: Walls) -> None:
    """Other cars in the bays beyond."""
    for row in (1, 2):
        for k in (-2, -1, 0, 1):
            if w.rng.random() < 0.7:
                x, y = k * 5.6 + w.rng.uniform(-0.4, 0.4), w.side * (2.9 * row + 0.4)
                c = jitter((150, 120, 120), w.rng, 0.5, 0.2)
                c = mix(c, (22, 26, 40), 0.65) if w.time == "night" else c
                w.wall(x, x + 4.4, y, 0.25, 0.9, c)
                w.solid([(x + 0.9, y, 0.9), (x + 3.6, y, 0.9), (x + 3.0, y, 1.45), (x + 1.5, y, 1.45)], lit(c, 0.5))
                for wheel in (0.8, 3.6):
                    w.wall(x + wheel - 0.3, x + wheel + 0.3, y, 0, 0.55, (34, 35, 38))


def rail(w: Walls) -> None:
    """A crash barrier."""
    y = w.side * w.rng.uniform(4.2, 6.5)
    for k in range(-14, 15):
        w.wall(k * 3.0, k * 3.0 + 0.16, y, 0, 0.7, (116, 120, 124))
    w.wall(-60, 60, y, 0.42, 0.78, (176, 180, 184))


def railing(w: Walls) -> None:
    """White bars before the sea."""
    y = w.side * 5.5
    for k in range(-12, 13):
        w.wall(k * 2.8, k * 2.8 + 0.2, y, 0, 1.1, (206, 210, 212))
    for z in (0.45, 0.95):
        w.wall(-40, 40, y, z, z + 0.16, (222, 225, 226))


WALLS: dict[str, Callable[[Walls], None]] = {
    "houses": houses, "sheds": sheds, "concrete": concrete, "parked": parked, "rail": rail, "railing": railing,
}  # fmt: skip


def street(w: Walls, tone: Colour, ground: str) -> None:
    """A road with two lanes and a kerb."""
    far = w.side
    w.strip(-far * 7.5, far * 2.6, tone)
    w.strip(far * 2.6, far * 2.75, lit(tone, 1.35))
    w.strip(far * 2.25, far * 2.6, lit(tone, 0.9))
    w.strip(-far * 7.5, -far * 7.65, lit(tone, 1.3))
    dashes(w, -far * 2.1, lit(tone, 1.62))
    patches(w, tone)


def lanes(w: Walls, tone: Colour, ground: str) -> None:
    """A road with three lanes."""
    far = w.side
    w.strip(-far * 9.5, far * 3.6, tone)
    w.strip(far * 2.3, far * 2.5, lit(tone, 1.7))
    w.strip(-far * 9.0, -far * 9.2, lit(tone, 1.7))
    for y in (-far * 1.9, -far * 5.5):
        dashes(w, y, lit(tone, 1.65))


def lane(w: Walls, tone: Colour, ground: str) -> None:
    """A narrow road without a kerb; with ruts where there is snow."""
    far = w.side
    w.strip(-far * 4.6, far * 2.0, tone)
    if ground == "snow":
        for y in (-0.75, 0.75):
            w.strip(y - 0.22, y + 0.22, lit(tone, 0.86))
    else:
        w.strip(far * 1.75, far * 1.9, lit(tone, 1.5))
        dashes(w, -far * 1.5, lit(tone, 1.45))
    patches(w, tone)


def bays(w: Walls, tone: Colour, ground: str) -> None:
    """The lines of a car park."""
    w.flat([(-REACH, -REACH), (REACH, -REACH), (REACH, REACH), (-REACH, REACH)], tone)
    for k in range(-3, 4):
        y = (k + 0.5) * 2.9
        w.strip(y - 0.06, y + 0.06, lit(tone, 1.6), -2.9, 2.9)
    w.flat([(2.9, -12), (3.02, -12), (3.02, 12), (2.9, 12)], lit(tone, 1.6))
    patches(w, tone)


def open_ground(w: Walls, tone: Colour, ground: str) -> None:
    """Slabs of concrete."""
    w.flat([(-REACH, -REACH), (REACH, -REACH), (REACH, REACH), (-REACH, REACH)], tone)
    for k in range(-4, 5):
        w.strip(k * 4.2 + 1.9, k * 4.2 + 1.96, lit(tone, 0.86))
        w.flat([(k * 5.0, -20), (k * 5.0 + 0.06, -20), (k * 5.0 + 0.06, 20), (k * 5.0, 20)], lit(tone, 0.88))
    patches(w, tone)


def dashes(w: Walls, y: float, c: Colour) -> None:
    """A broken line along the road."""
    start = w.rng.uniform(0, 6)
    for k in range(-6, 6):
        w.strip(y - 0.07, y + 0.07, c, k * 6.0 + start, k * 6.0 + start + 3.0)


def patches(w: Walls, tone: Colour) -> None:
    """Mended spots and stains."""
    for _ in range(w.rng.randrange(1, 5)):
        x, y, r = w.rng.uniform(-7, 7), w.rng.uniform(-4, 4), w.rng.uniform(0.3, 1.1)
        spot = blob([(x - r, y), (x, y + r * 0.5), (x + r, y), (x, y - r * 0.5)], 4)
        w.flat([(float(a), float(b)) for a, b in spot], lit(tone, w.rng.choice((0.9, 0.94, 1.06))))


LAYOUTS: dict[str, Callable[[Walls, Colour, str], None]] = {
    "street": street, "lanes": lanes, "lane": lane, "bays": bays, "open": open_ground,
}  # fmt: skip


def shadow(studio: Studio, long: float, wide: float, high: float, time: str) -> None:
    """The shadow below the vehicle and the one that the sun casts."""
    x, y = long / 2 - 0.05, wide / 2 - 0.02
    foot = poly(
        [
            (-x, -y + 0.3),
            (-x + 0.3, -y),
            (x - 0.3, -y),
            (x, -y + 0.3),
            (x, y - 0.3),
            (x - 0.3, y),
            (-x + 0.3, y),
            (-x, y - 0.3),
        ]
    )
    camera, scale = studio.camera, studio.camera.scale / studio.camera.distance
    dark: Colour = (22, 23, 28)
    if time == "day":
        light = studio.lighting.direction
        way = -light[:2] / max(light[2], 0.4) * min(high, 3.0) * 0.75
        cast = [camera.ground(foot * 0.96 + way * share) for share in (0.0, 0.35, 0.7, 1.0)]
        studio.soft([c for c in cast if c is not None], dark, 0.36, scale * 0.1 + 2)
    under: Points | None = camera.ground(foot * (1.02, 1.04))
    if under is not None:
        studio.soft([under], dark, 0.62, scale * 0.16 + 3)
    inner = camera.ground(foot * (0.96, 0.92))
    if inner is not None:
        studio.soft([inner], dark, 0.75, scale * 0.07 + 2)


def weather(studio: Studio, name: str, time: str, rng: Random) -> None:
    """Rain, snow or haze before everything, in a share of the images."""
    if name == "garage":
        return
    width, height = studio.canvas.full
    kind = rng.choices(("", "rain", "snow"), (80, 12, 30) if name == "snow" else (88, 10, 2))[0]
    bright: Colour = (214, 222, 230) if kind == "rain" else (246, 249, 252)
    if kind == "rain":
        for _ in range(60):
            x, y, long = rng.uniform(0, width), rng.uniform(-20, height), rng.uniform(10, 26)
            studio.canvas.pen.line([x, y, x - long * 0.18, y + long], fill=(round(bright[0] * 0.8),) * 3, width=1)
    if kind == "snow":
        for _ in range(70):
            x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.8, 2.6) * OVER / 2
            studio.canvas.pen.ellipse(
                [x - r, y - r, x + r, y + r], fill=(round(bright[0]), round(bright[1]), round(bright[2]))
            )
