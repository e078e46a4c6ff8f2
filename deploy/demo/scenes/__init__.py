"""What the demo's pictures show, one scene in a file."""
