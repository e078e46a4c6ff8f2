"""Speed against the floor, measured in the same run; one file a figure, each with ``measure()``."""
