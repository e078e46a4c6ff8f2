"""The decisions and the work: conductor, waves, adaptation, transcodes."""
