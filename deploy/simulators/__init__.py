"""Servers that stand where an outside company's platform would be."""
