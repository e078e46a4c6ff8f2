"""What each recipe must look like for a given source: sizes, rates, and what need not be encoded
again. Pure: facts and recipe in, numbers out.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Protocol

from schemas.rendition import RecipeName
from schemas.story import MediaKind
from streams.media_facts import MediaFacts, VideoFacts
from streams.recipes import RECIPES, Hls, Mp4, Size, Station


def applies(recipe: RecipeName, kind: MediaKind) -> bool:
    """Whether a recipe can be made of a source of this kind."""
    return kind in RECIPES[recipe].sources


class Versioned(Protocol):
    """Programs, as far as a key needs them."""

    @property
    def version(self) -> str: ...


def recipe_key(recipe: RecipeName, programs: Versioned) -> str:
    """Hash of the recipe's settings and the programs' version: part of the object key."""
    settings = {"recipe": asdict(RECIPES[recipe]), "version": programs.version, "format": 1}
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Level:
    """One rung as planned for one source."""

    name: str
    width: int
    height: int
    kbps: int


def ladder(recipe: Hls, facts: MediaFacts) -> list[Level]:
    """Rungs without upscaling, smallest first; a size between two rungs gets one of its own."""
    width, height = facts.width or 2, facts.height or 2
    factor = 1.5 if output_rate(facts, recipe.highest_rate) > 30 else 1.0
    levels: list[Level] = []
    for rung in recipe.rungs:
        shrink = min(rung.long_side / max(width, height), rung.short_side / min(width, height))
        if shrink <= 1.0:
            size = even(width * shrink), even(height * shrink)
            levels.append(Level(f"v{rung.short_side}", *size, round(rung.kbps * factor)))
            continue
        size = even(width), even(height)
        if not levels or min(size) >= 1.2 * min(levels[-1].width, levels[-1].height):
            name = f"v{min(size)}"
            if levels and levels[-1].name == name:  # a long source: the rung is narrower than named
                name += "s"
            levels.append(Level(name, *size, round(rung.kbps * factor)))
        break
    return levels


_RATES = tuple(
    Fraction(*pair)
    for pair in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)  # fmt: skip


def output_rate(facts: MediaFacts, highest: int) -> Fraction:
    """Constant frame rate of an output: the source's own, snapped to a usual one, halved until
    it is allowed. A variable rate becomes the usual rate next above it, so nothing is lost."""
    rate = facts.video.rate if facts.video else 25.0
    snapped = min(_RATES, key=lambda usual: abs(float(usual) - rate))
    if abs(float(snapped) - rate) > 0.01 * rate:
        snapped = Fraction(rate).limit_denominator(1001)
        if facts.video is not None and facts.video.variable_rate:
            snapped = next((usual for usual in _RATES if usual >= rate), Fraction(60))
    while snapped > highest + Fraction(1, 100):
        snapped /= 2
    return max(snapped, Fraction(1))


def mp4_shape(recipe: Mp4, facts: MediaFacts) -> tuple[Size, int]:
    """Size and peak rate (kbit/s), so that the whole file stays under the recipe's limit with 6 %
    left for the container, and each pixel has the bits it needs. A rate of 0 or less: it cannot."""
    seconds = max((facts.duration_s or 0.0) + 2.0, 1.0)
    budget = int(recipe.max_bytes * 8 * 0.94 / 1000 / seconds)
    kbps = min(recipe.kbps, budget - (recipe.audio_kbps if recipe.sound else 0))
    if recipe.fit != "inside":
        return recipe.box, kbps
    width, height = facts.width or 2, facts.height or 2
    long_side, short_side = max(recipe.box), min(recipe.box)
    box = (long_side, short_side) if width >= height else (short_side, long_side)
    size = inside(width, height, (min(box[0], even(width)), min(box[1], even(height))))
    wanted = recipe.least_bits_per_pixel * size[0] * size[1]
    wanted *= float(output_rate(facts, recipe.highest_rate))
    if wanted > kbps * 1000 > 0:
        shrink = (kbps * 1000 / wanted) ** 0.5
        size = even(size[0] * shrink), even(size[1] * shrink)
    return size, kbps


def fields_of(recipe: Station, facts: MediaFacts) -> bool:
    """Whether the two fields of a frame may show two moments: the source has fifty movements a
    second or more, or thirty that are spread over fifty fields."""
    rate = output_rate(facts, 60)
    interlaced = facts.video is not None and facts.video.interlaced
    if interlaced or rate > 30:
        return True
    return rate > Fraction(51, 2) and recipe.thirty == "nearest_field"


def fills(width: int, height: int, box: Size) -> bool:
    """Whether cropping to the box loses at most a tenth: more could cut a person or a caption."""
    return min(width / height, box[0] / box[1]) / max(width / height, box[0] / box[1]) >= 0.9


def inside(width: int, height: int, box: Size) -> Size:
    """Even size of a picture that lies whole inside the box and touches two of its sides."""
    scale = min(box[0] / width, box[1] / height)
    return min(box[0], even(width * scale)), min(box[1], even(height * scale))


def even(length: float) -> int:
    """Nearest even number of pixels, at least two: 4:2:0 has no odd sizes."""
    return max(2, 2 * round(length / 2))


def matrix_of(video: VideoFacts) -> str:
    """Colour matrix for the scaler; what is not tagged is BT.709 from 720 lines on, else 601."""
    tagged = {"bt709": "bt709", "bt470bg": "bt601", "smpte170m": "bt601", "bt2020nc": "bt2020"}
    untagged = "bt709" if min(video.coded_width, video.coded_height) >= 720 else "bt601"
    return tagged.get(video.matrix, untagged)
