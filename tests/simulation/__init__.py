"""The real core under a seeded scheduler: clock, transport and outlets are the simulation's."""
