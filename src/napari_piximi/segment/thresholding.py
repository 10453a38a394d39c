"""Which pixels of a plane stand out: smoothing, uneven light, threshold.

Everything is computed tile by tile, as it would be on the whole: a plane may be larger than memory.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_piximi.io.disk import PlanePixels
from napari_piximi.model.things import BBox
from napari_piximi.segment.cuts import CUTS, stricter
from napari_piximi.segment.lighting import Lighting, fit_lighting, grid, is_dark
from napari_piximi.segment.tiles import Step, walk

__all__ = ["EDGE", "Recipe", "foreground"]

EDGE = 1024
LEVELS = 2**16
TRUNCATE = 4.0
TINY = 1e-30
LARGE, SMALL, NEAR = 1e9, 1e-25, 2**-15
"""Pixels above, differences below, and differences among pixels so much larger are scaled."""

Values = NDArray[np.float32]
Codes = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How pixels are told apart.

    Attributes
    ----------
    method : str
        ``Otsu``, ``Li``, ``Triangle``: one threshold from the histogram. ``Local``: of the
        differences from the mean of the `block` around each pixel, by Otsu. ``Manual``: `value`.
    objects : str
        ``Bright``, ``Dark``, or ``Auto``: unlike most of the rim of the plane.
    value : float
        In values of the pixels; with `even`, once the background is the same all over.
    strictness : float
        How far from the background the threshold is; 1 is where the method puts it.
    block : int
        Edge of the neighbourhood in pixels; odd.
    sigma : float
        Of the Gaussian that smooths, in pixels; 0 leaves pixels as they are.
    even : bool
        Uneven light is taken out first.
    """

    method: str = "Otsu"
    objects: str = "Auto"
    value: float = 128.0
    strictness: float = 1.0
    block: int = 101
    sigma: float = 1.0
    even: bool = True


def foreground(
    pixels: PlanePixels, recipe: Recipe, step: Step = lambda *_: None, edge: int = EDGE
) -> NDArray[np.bool_]:
    """Tell objects from background.

    Parameters
    ----------
    pixels : (Y, X) array
        Boolean, integer or floating-point; may stay on the disk. What is not finite counts as
        the lowest value.
    recipe : Recipe
    step : callable
        See :data:`napari_piximi.segment.tiles.Step`.
    edge : int
        Of the tiles; the result does not depend on it.

    Returns
    -------
    (Y, X) boolean array
        Without any True if all pixels are equal and the method is not ``Manual``.
    """
    shape = (pixels.shape[0], pixels.shape[1])
    mask = np.zeros(shape, bool)
    if not pixels.size:
        return mask
    scene = _Scene.of(pixels, recipe, step, edge)
    if recipe.method == "Manual":
        limit = scene.sign * scene.scale.applied(recipe.value)
        for tile in walk(shape, edge, step, "threshold"):
            mask[tile.keeping] = scene.values(tile.keep) > limit
        return mask
    cut = _cut(scene, recipe, step, edge)
    if cut is not None:
        for tile in walk(shape, edge, step, "threshold"):
            mask[tile.keeping] = scene.codes(tile.keep) > cut
    return mask


def _cut(scene: "_Scene", recipe: Recipe, step: Step, edge: int) -> float | None:
    """Find the threshold; None if all pixels are equal."""
    if scene.high - scene.low <= TINY:
        return None
    counts = np.zeros(LEVELS, np.int64)
    for tile in walk(scene.shape, edge, step, "histogram"):
        counts += np.bincount(scene.codes(tile.keep).ravel(), minlength=LEVELS)
    if np.count_nonzero(counts) < 2:
        return None
    cut = CUTS["Otsu" if recipe.method == "Local" else recipe.method](counts)
    return stricter(counts, cut, recipe.strictness)


@dataclass(frozen=True, slots=True)
class _Scale:
    """What makes values ones that float32 tells apart: nothing, for most images.

    Attributes
    ----------
    zero : float
        The value that becomes 0.
    half : float
        Half of the difference that becomes 1: the whole may be more than a float can be.
    """

    zero: float = 0.0
    half: float = 0.5

    @classmethod
    def of(cls, darkest: float, brightest: float) -> "_Scale":
        most, half = max(-darkest, brightest), brightest / 2 - darkest / 2
        if most <= LARGE and (half == 0 or half >= max(most * NEAR, SMALL)):
            return cls()
        return cls(darkest, half or 0.5)

    def applied(self, values: Any) -> Any:  # noqa: ANN401
        """Return values (array or number) as float32."""
        if self.zero == 0 and self.half == 0.5:
            return np.asarray(values).astype(np.float32)
        halves = np.asarray(values).astype(np.float64) / 2 - self.zero / 2
        return np.clip(halves / self.half, -LARGE, LARGE).astype(np.float32)


@dataclass(slots=True)
class _Scene:
    """A plane as the threshold sees it: smooth, evenly lit, objects bright.

    Attributes
    ----------
    scale : _Scale
        All else is in its values.
    darkest : float
        Of the pixels.
    low, high : float
        Between them lie all values that are given out.
    sign : float
        -1 where objects are dark.
    lighting : Lighting, optional
    smooth : (Y, X) float32 array, optional
        All of the plane, smoothed, where that is not too large to be kept.
    """

    pixels: PlanePixels
    recipe: Recipe
    scale: _Scale
    darkest: float
    low: float = 0.0
    high: float = 0.0
    sign: float = 1.0
    lighting: Lighting | None = None
    smooth: Values | None = None

    @classmethod
    def of(cls, pixels: PlanePixels, recipe: Recipe, step: Step, edge: int) -> "_Scene":
        darkest, brightest = _extremes(pixels, edge, step)
        scale = _Scale.of(darkest, brightest)
        darkest, brightest = (float(scale.applied(value)) for value in (darkest, brightest))
        scene = cls(pixels, recipe, scale, darkest)
        if pixels.size <= (2 * edge) ** 2:
            smooth = np.empty(pixels.shape, np.float32)
            for tile in walk(scene.shape, edge, step, "smooth"):
                smooth[tile.keeping] = scene.smoothed(tile.keep)
            scene.smooth = smooth
        sample = scene.sampled(step)
        dark = recipe.objects == "Dark" or (recipe.objects == "Auto" and is_dark(sample))
        scene.sign = -1.0 if dark else 1.0
        scene.low, scene.high = sorted((scene.sign * darkest, scene.sign * brightest))
        if recipe.even and darkest < brightest:
            scene.lighting = fit_lighting(scene.sign * sample, scene.shape)
            scene.low -= scene.lighting.highest
            scene.high -= scene.lighting.lowest
        return scene

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def smoothed(self, box: BBox) -> Values:
        """Return pixels inside a box, smoothed as on the whole plane."""
        from scipy import ndimage

        top, left, bottom, right = box
        if self.smooth is not None:
            return self.smooth[top:bottom, left:right]
        rim = int(TRUNCATE * self.recipe.sigma + 0.5)
        row, col = max(top - rim, 0), max(left - rim, 0)
        raw = self.scale.applied(self.pixels[row : bottom + rim, col : right + rim])
        if self.pixels.dtype.kind == "f":
            raw[~np.isfinite(raw)] = self.darkest
        if self.recipe.sigma:
            raw = ndimage.gaussian_filter(raw, self.recipe.sigma, mode="nearest", truncate=TRUNCATE)
        inside: Values = raw[top - row : bottom - row, left - col : right - col]
        return inside

    def sampled(self, step: Step) -> Values:
        """Return smoothed pixels on a grid of rows and columns."""
        rows, cols = (grid(length) for length in self.shape)
        if self.smooth is not None:
            return self.smooth[np.ix_(rows, cols)]
        sample = np.empty((rows.size, cols.size), np.float32)
        for done, row in enumerate(rows.tolist()):
            step(done, rows.size, "light")
            sample[done] = self.smoothed((row, 0, row + 1, self.shape[1]))[0, cols]
        return sample

    def values(self, box: BBox) -> Values:
        """Return values in which objects are brighter than the background, evenly lit."""
        seen = self.smoothed(box) * np.float32(self.sign)
        return seen if self.lighting is None else seen - self.lighting.inside(box)

    def codes(self, box: BBox) -> Codes:
        """Return what the histogram is made of, as integers."""
        if self.recipe.method != "Local":
            return self._coded(box)
        top, left, bottom, right = box
        rim = self.recipe.block // 2
        row, col = max(top - rim, 0), max(left - rim, 0)
        height, width = self.shape
        around = self._coded((row, col, min(bottom + rim, height), min(right + rim, width)))
        inner = slice(top - row, bottom - row), slice(left - col, right - col)
        difference = around[inner] - _means(around, self.recipe.block)[inner]
        return np.rint(difference / 2 + LEVELS / 2).astype(np.uint16)

    def _coded(self, box: BBox) -> Codes:
        scale = (LEVELS - 1) / (self.high - self.low)
        values = (self.values(box) - np.float32(self.low)) * np.float32(scale)
        codes: Codes = np.clip(np.rint(values), 0, LEVELS - 1).astype(np.uint16)
        return codes


def _extremes(pixels: PlanePixels, edge: int, step: Step) -> tuple[float, float]:
    """Find the lowest and the highest finite value; 0 if there is none."""
    low, high = np.inf, -np.inf
    for tile in walk((pixels.shape[0], pixels.shape[1]), edge, step, "range"):
        piece = pixels[tile.keeping]
        if piece.dtype.kind == "f":
            piece = piece[np.isfinite(piece)]
        if piece.size:
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _means(codes: Codes, block: int) -> NDArray[np.float64]:
    """Average neighbourhoods, by sums of whole numbers: exact wherever a tile begins."""
    from scipy import ndimage

    sums: NDArray[np.float64] = codes.astype(np.float64)
    for axis in (0, 1):
        sums = np.rint(ndimage.uniform_filter1d(sums, block, axis, mode="reflect") * block)
    return sums / block**2
