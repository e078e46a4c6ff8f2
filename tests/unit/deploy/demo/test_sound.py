import wave
from pathlib import Path

import numpy as np
import pytest

from deploy.demo import sound
from deploy.demo.sound import LOUDNESS_LUFS, PEAK, RATE, loudness, master, pitch, pluck, write_wav


def tone(hz: float, amplitude: float, length_s: float = 4.0) -> np.ndarray:
    wave_of = amplitude * np.sin(2 * np.pi * hz * np.arange(int(RATE * length_s)) / RATE)
    return np.stack([wave_of, wave_of], axis=1)


@pytest.mark.parametrize("level_db", [-12.0, -20.0, -33.0])
def test_loudness_of_the_reference_tone(level_db: float) -> None:
    # ITU-R BS.1770: a stereo 997 Hz sine at x dBFS reads x LUFS
    assert loudness(tone(997, 10 ** (level_db / 20))) == pytest.approx(level_db, abs=0.1)


def test_loudness_leaves_silence_and_near_silence_out() -> None:
    half = np.concatenate([tone(997, 0.1), np.zeros((4 * RATE, 2))])
    assert loudness(half) == pytest.approx(-20, abs=0.4)
    assert loudness(np.zeros((RATE, 2))) < -70


@pytest.mark.parametrize("hz", [174.6, 440.0, 1046.5])
def test_a_plucked_string_is_in_tune_and_dies_away(hz: float) -> None:
    note = pluck(hz, 3.0, 3, np.random.default_rng(1))
    size = len(note) * 8
    power = np.abs(np.fft.rfft(note * np.hanning(len(note)), size))
    at = np.fft.rfftfreq(size, 1 / RATE)
    near = (at > hz * 0.94) & (at < hz * 1.06)
    cents = 1200 * np.log2(at[near][power[near].argmax()] / hz)
    assert abs(cents) < 4
    start, end = note[: RATE // 2], note[-RATE // 2 :]
    assert np.sqrt((end**2).mean()) < 0.2 * np.sqrt((start**2).mean())
    assert abs(note[-1]) < 1e-3


def test_the_scale_has_five_steps_an_octave() -> None:
    assert pitch(5, 220.0) == pytest.approx(440.0)
    assert pitch(-5, 220.0) == pytest.approx(110.0)
    assert pitch(3, 220.0) == pytest.approx(329.63, abs=0.01)


def test_mastering_reaches_the_target_without_clipping_and_fades() -> None:
    rough = 3 * tone(300, 1.0, 5.0) + sound.shaped_noise(5.0, 100, 2000, 4)
    done = master(rough)
    assert loudness(done) == pytest.approx(LOUDNESS_LUFS, abs=0.7)
    assert np.abs(done).max() < PEAK
    assert np.abs(done[:40]).max() < 0.01
    assert np.abs(done[-40:]).max() < 0.01


def test_the_wav_file_holds_two_channels_of_the_given_length(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(440, 2.0, 0.5))  # too loud: held, not wrapped around
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(samples) == RATE
    assert samples.max() == 32767
    assert samples[100] > 0
