"""The demo's clips, one in a file: frames and sound."""
