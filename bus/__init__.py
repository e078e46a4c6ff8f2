"""How it travels: topics, the outbox relay, the order loop, dead letters."""
