"""The clips' sound, made from numbers: plucked strings, wind, water, leaves, a room around them.

Sound is float (samples, 2), 48 kHz.
"""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deploy.demo.paint import Floats

RATE = 48_000

LOUDNESS_LUFS = -20.0
PEAK = 0.5
"""Highest sample; leaves the encoder 6 dB."""

PENTATONIC = (0, 2, 4, 7, 9)
"""Steps of the gong mode (宫调式) in semitones."""


def pitch(degree: int, root_hz: float) -> float:
    """Frequency of a degree of the pentatonic scale over the root."""
    octave, step = divmod(degree, len(PENTATONIC))
    return float(root_hz * 2.0 ** (octave + PENTATONIC[step] / 12))


def pluck(hz: float, length_s: float, softness: float, rng: np.random.Generator) -> Floats:
    """A plucked string after Karplus and Strong: a burst of noise in a loop that dulls it."""
    period = max(round(RATE / hz - 0.5), 2)  # the mean of neighbours adds half a sample
    count = int(RATE * length_s)
    string = rng.uniform(-1, 1, period)
    for _ in range(int(softness)):
        string = 0.5 * (string + np.roll(string, 1))
    string -= string.mean()
    turns = count // period + 3
    tone = np.empty(turns * period)
    loss = 0.5 ** (period / RATE / 0.55)
    for turn in range(turns):
        tone[turn * period : (turn + 1) * period] = string
        string = loss * (0.5 * string + 0.5 * np.roll(string, 1))
    tone = np.interp(np.arange(count) * (period + 0.5) * hz / RATE, np.arange(len(tone)), tone)
    tone = tone * np.minimum(1, np.arange(count) / (0.002 * RATE))
    end = int(0.15 * RATE)
    tone[-end:] *= np.linspace(1, 0, end)
    return np.asarray(tone / max(float(np.abs(tone).max()), 1e-6))


def tune(
    length_s: float, notes: Sequence[tuple[float, int, float]], root_hz: float, seed: int
) -> Floats:
    """Plucked notes (start in s, degree of the scale, strength), spread a little left and right."""
    rng = np.random.default_rng(seed)
    out = np.zeros((int(RATE * length_s), 2))
    for start_s, degree, strength in notes:
        tone = strength * pluck(pitch(degree, root_hz), 3.2, 3, rng)
        start = int(start_s * RATE)
        tone = tone[: max(len(out) - start, 0)]
        side = 0.5 + 0.25 * float(rng.uniform(-1, 1))
        out[start : start + len(tone), 0] += tone * (1 - side)
        out[start : start + len(tone), 1] += tone * side
    return out


def shaped_noise(length_s: float, low_hz: float, high_hz: float, seed: int) -> Floats:
    """Noise between two frequencies, softer towards the high ones; peak about 1."""
    count = int(RATE * length_s)
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((count, 2)), axis=0)
    hz = np.fft.rfftfreq(count, 1 / RATE)
    rising = 1 / (1 + (low_hz / np.maximum(hz, 1)) ** 4)
    falling = 1 / (1 + (hz / high_hz) ** 3)
    weight = rising * falling / np.sqrt(np.maximum(hz, low_hz))
    out = np.fft.irfft(spectrum * weight[:, None], count, axis=0)
    return np.asarray(out / np.abs(out).max())


def swell(length_s: float, period_s: float, depth: float, seed: int) -> Floats:
    """A slow, irregular rise and fall around 1, for wind and water; (samples, 1)."""
    at = np.arange(int(RATE * length_s)) / RATE
    rng = np.random.default_rng(seed)
    wave_of = np.zeros(len(at))
    for number, factor in enumerate((1.0, 0.61, 0.37), 1):
        wave_of += np.sin(2 * np.pi * at / (period_s * factor) + rng.uniform(0, 6.28)) / number
    return np.asarray(1 + depth * wave_of[:, None] / 1.83)


def drops(length_s: float, each_s: float, low_hz: float, high_hz: float, seed: int) -> Floats:
    """Short soft ticks at random times: lapping water or rustling leaves."""
    count = int(RATE * length_s)
    rng = np.random.default_rng(seed)
    hits = np.zeros((count, 2))
    for at in np.cumsum(rng.exponential(each_s, int(length_s / each_s))).tolist():
        start = int(at * RATE)
        if start < count:
            hits[start] += rng.uniform(0.2, 1, 2)
    tail = np.exp(-np.arange(int(0.12 * RATE)) / (0.018 * RATE))[:, None]
    grain = shaped_noise(0.12, low_hz, high_hz, seed + 1) * tail
    return convolve(hits, grain)[:count]


def convolve(dry: Floats, response: Floats) -> Floats:
    """Both channels through their response."""
    count = len(dry) + len(response) - 1
    size = 1 << (count - 1).bit_length()
    wet = np.fft.rfft(dry, size, axis=0) * np.fft.rfft(response, size, axis=0)
    return np.asarray(np.fft.irfft(wet, size, axis=0)[:count])


def reverb(dry: Floats, length_s: float, wet: float, seed: int) -> Floats:
    """The sound in a wide place: noise that dies away within ``length_s`` follows it."""
    rng = np.random.default_rng(seed)
    count = int(RATE * length_s)
    fall = np.exp(-6.9 * np.arange(count) / count)[:, None]
    kernel = np.hanning(9)[:, None] / 4  # walls swallow the high frequencies first
    noise = convolve(rng.standard_normal((count, 2)) * fall, np.repeat(kernel, 2, axis=1))[:count]
    response = noise * wet / np.sqrt((noise**2).sum(axis=0))
    return np.asarray(dry + convolve(dry, response)[: len(dry)])


def loudness(sound: Floats) -> float:
    """Integrated loudness in LUFS after ITU-R BS.1770: K-weighting, then the two gates."""
    count = len(sound)
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(count, 1 / RATE) / RATE)
    shelf = (1.53512485958697 - 2.69169618940638 * turn + 1.19839281085285 * turn**2) / (
        1 - 1.69065929318241 * turn + 0.73248077421585 * turn**2
    )
    high = (1 - 2 * turn + turn**2) / (1 - 1.99004745483398 * turn + 0.99007225036621 * turn**2)
    weighted = np.fft.irfft(np.fft.rfft(sound, axis=0) * (shelf * high)[:, None], count, axis=0)
    block, hop = int(0.4 * RATE), int(0.1 * RATE)
    power = np.concatenate([[0.0], np.cumsum((weighted**2).sum(axis=1))])
    starts = np.arange(0, max(count - block, 1), hop)
    mean = (power[np.minimum(starts + block, count)] - power[starts]) / block
    level = -0.691 + 10 * np.log10(np.maximum(mean, 1e-12))
    loud = mean[level > -70]
    gate = -0.691 + 10 * np.log10(max(float(loud.mean()) if len(loud) else 0.0, 1e-12)) - 10
    kept = mean[level > max(gate, -70)]
    return float(-0.691 + 10 * np.log10(max(float(kept.mean()) if len(kept) else 0.0, 1e-12)))


def master(sound: Floats, fade_s: float = 0.6) -> Floats:
    """Fade in and out, bring to the target loudness and bend the peaks under ``PEAK``."""
    count = int(fade_s * RATE)
    out = sound.copy()
    out[:count] *= np.linspace(0, 1, count)[:, None] ** 0.5
    out[-count:] *= np.linspace(1, 0, count)[:, None]
    for _ in range(4):
        out = out * 10 ** ((LOUDNESS_LUFS - loudness(out)) / 20)
        out = PEAK * np.tanh(out / PEAK)
    return np.asarray(out)


def write_wav(path: Path, sound: Floats) -> None:
    """16-bit PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
