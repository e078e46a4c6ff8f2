"""How it runs: supervisor, local stack, simulators of outside platforms, demo."""
