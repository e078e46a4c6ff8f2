"""The words by which a gate says why it is open. Monitors compare them, so they stand here."""

FIRST = "首发"
"""Nothing stands before this wave."""
FALLBACK = "到兜底时间"
"""The time had come at which the wave opens in any case."""
BY_HAND = " 开闸: "
"""Stands between the name and the reason of whoever opened the wave."""
