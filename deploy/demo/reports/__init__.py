"""The demo's stories as the invented newsroom of 青禾县 would write them."""
