"""The desk as people use it: a real browser on real pages, the newsroom behind it in memory."""
