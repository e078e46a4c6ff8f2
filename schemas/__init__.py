"""What travels between the rooms: models and pure rules, no I/O."""
