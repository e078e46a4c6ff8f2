"""The invented county 青禾县: stories, drawn pictures and clips, the guided run."""
