"""The ways out: one file a channel, the publish protocol, lag."""
