"""What the ebur128 filter prints."""

import pytest

from streams.loudness import parse

SUMMARY = """[Parsed_ebur128_5 @ 0x55] Summary:
  Integrated loudness:
    I:         -21.8 LUFS
    Threshold: -31.8 LUFS
  Loudness range:
    LRA:         0.0 LU
    Threshold: -41.8 LUFS
    LRA low:   -21.8 LUFS
    LRA high:  -21.8 LUFS
  True peak:
    Peak:      -18.0 dBFS"""


def test_summary() -> None:
    heard = parse(SUMMARY.splitlines())
    assert (heard.lufs, heard.true_peak_db) == (-21.8, -18.0)
    assert not heard.silent


@pytest.mark.parametrize("nothing", ["", "    I: -70.0 LUFS\n    Peak: -inf dBFS"])
def test_silence_is_told_from_quiet(nothing: str) -> None:
    assert parse(nothing.splitlines()).silent
