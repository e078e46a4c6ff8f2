"""The command line, which wires the rooms together; nothing imports it."""
