"""One suite over every channel: what the publisher may rely on, whatever the outlet."""
