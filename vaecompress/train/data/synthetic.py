"""Motion made of a still picture: a camera that pans, zooms and turns, a warp, and things that move on their own.

Clips of a few frames hold no anchors many frames apart; a picture moved so shows them, and is sharp at any distance.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]

SIDE = 320
"""Of what is made, at most, in pixels."""

CELL = 16
"""Pixels between the points whose motion is computed; in between it is bilinear."""

MARGIN = 96
"""Pixels that a picture is mirrored at its edges, for a camera that leaves it."""

MOST_THINGS = 3
SLOWEST, FASTEST = 0.05, 3.0
"""Pixels a frame that the camera and things move."""


@dataclass(frozen=True)
class _Path:
    """Where a view looks: ``start`` (down, right) in pixels of the picture, what moves by ``speed`` a frame; it turns
    by ``turn`` radians and zooms by a factor of e^``growth`` a frame, from ``zoom`` pixels a pixel.

    A warp of ``swell`` pixels, ``waves`` (down, right; radians a pixel) runs through it by ``beat`` radians a frame.
    """

    start: Array
    speed: Array
    zoom: float
    turn: float = 0.0
    growth: float = 0.0
    swell: float = 0.0
    waves: tuple[float, float] = (0.0, 0.0)
    beat: float = 0.0

    def places(self, points: Array, time: float) -> Array:
        """Where points [..., 2] of a frame, around its middle, lie in the picture ``time`` frames from the middle."""
        angle, zoom = self.turn * time, self.zoom * np.exp(self.growth * time)
        turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        wave = self.swell * np.sin(points @ np.array(self.waves) + self.beat * time)
        return np.asarray(self.start + self.speed * time + zoom * turned + wave[..., None])


def moving_picture(picture: Pixels, count: int, spacing: int, random: np.random.Generator) -> list[Pixels]:
    """``count`` frames of a picture uint8 [H, W, 3] set in motion, ``spacing`` frames apart; at most SIDE a side."""
    zoom = random.uniform(1.0, max(1.0, min(1.6, min(picture.shape[:2]) / SIDE)))
    height, width = (min(SIDE, int(side / zoom)) for side in picture.shape[:2])
    mirrored = np.pad(picture, [(min(MARGIN, side - 1),) * 2 for side in picture.shape[:2]] + [(0, 0)], "reflect")
    texture = Image.fromarray(mirrored)
    span = spacing * (count - 1)
    camera = _camera(mirrored.shape, (height, width), zoom, random)
    count_of_things = random.integers(0, MOST_THINGS + 1)
    things = [_Thing.drawn(mirrored.shape, (height, width), zoom, random) for _ in range(count_of_things)]
    brightening = random.normal(0, 0.002) if random.random() < 0.3 else 0.0
    frames = []
    for index in range(count):
        time = spacing * index - span / 2
        frame = _view(texture, camera, (height, width), time).astype(np.float64)
        for thing in things:
            frame = thing.over(frame, texture, time)
        frames.append(np.clip(np.rint(frame * (1 + brightening * time)), 0, 255).astype(np.uint8))
    return frames


@dataclass(frozen=True)
class _Thing:
    """Part of the picture that moves over it: a blob of ``radius`` pixels around ``middle`` (down, right).

    ``bumps`` round it by ``bump`` of the radius; what is in it comes along ``path``, and stays there as it moves.
    """

    path: _Path
    middle: Array
    speed: Array
    radius: float
    bumps: int
    bump: float

    @classmethod
    def drawn(cls, shape: tuple[int, ...], size: tuple[int, int], zoom: float, random: np.random.Generator) -> "_Thing":
        """A random one, which is somewhere in frames of ``size`` at time 0."""
        start = random.uniform(0.2, 0.8, 2) * shape[:2]
        return cls(
            _Path(start, np.zeros(2), zoom, turn=random.normal(0, 0.004), growth=random.normal(0, 0.002)),
            middle=random.uniform(0.0, 1.0, 2) * size,
            speed=_velocity(random),
            radius=random.uniform(0.08, 0.3) * min(size),
            bumps=int(random.integers(2, 6)),
            bump=random.uniform(0, 0.3),
        )

    def over(self, frame: Array, texture: Image.Image, time: float) -> Array:
        """``frame`` with it on top."""
        middle = self.middle + self.speed * time
        rows, columns = np.ogrid[: frame.shape[0], : frame.shape[1]]
        down, right = rows - middle[0], columns - middle[1]
        angle = np.arctan2(down, right) - self.path.turn * time
        edge = self.radius * (1 + self.bump * np.sin(self.bumps * angle)) * np.exp(-self.path.growth * time)
        inside = np.clip(edge - np.hypot(down, right) + 0.5, 0, 1)[..., None]
        view = _view(texture, self.path, (frame.shape[0], frame.shape[1]), time, middle)
        return np.asarray(frame + inside * (view - frame))


def _camera(shape: tuple[int, ...], size: tuple[int, int], zoom: float, random: np.random.Generator) -> _Path:
    room = (np.array(shape[:2]) - zoom * np.array(size)) / 2 - min(MARGIN, *(side / 4 for side in size))
    start = np.array(shape[:2]) / 2 + random.uniform(-1, 1, 2) * np.maximum(room, 0)
    swell = np.exp(random.uniform(np.log(0.3), np.log(4))) if random.random() < 0.5 else 0.0
    wavelength, direction = random.uniform(60, 200), random.uniform(0, 2 * np.pi)
    wave = 2 * np.pi / wavelength
    return _Path(
        start,
        _velocity(random),
        zoom,
        turn=random.normal(0, 0.001),
        growth=random.normal(0, 0.002),
        swell=float(swell),
        waves=(wave * np.sin(direction), wave * np.cos(direction)),
        beat=random.uniform(0, 0.25),
    )


def _velocity(random: np.random.Generator) -> Array:
    """Any direction, and slow or fast."""
    speed = np.exp(random.uniform(np.log(SLOWEST), np.log(FASTEST)))
    direction = random.uniform(0, 2 * np.pi)
    return np.asarray(speed * np.array([np.sin(direction), np.cos(direction)]))


def _view(texture: Image.Image, path: _Path, size: tuple[int, int], time: float, middle: Array | None = None) -> Pixels:
    """What lies along ``path``, uint8 [height, width, 3]; ``middle`` (down, right) is the point it looks at."""
    rows, columns = (np.append(np.arange(0, side, CELL), side) for side in size)
    points = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).astype(np.float64)
    middle = np.array(size) / 2 if middle is None else middle
    places = path.places(points - middle, time)
    limits = np.array([texture.height, texture.width]) - 1.0
    places = np.clip(places, 0, limits)[..., ::-1]
    mesh = []
    for i in range(len(rows) - 1):
        for j in range(len(columns) - 1):
            box = (int(columns[j]), int(rows[i]), int(columns[j + 1]), int(rows[i + 1]))
            corners = (places[i, j], places[i + 1, j], places[i + 1, j + 1], places[i, j + 1])
            mesh.append((box, tuple(float(value) for corner in corners for value in corner)))
    moved = texture.transform(size[::-1], Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)
    return np.asarray(moved)
