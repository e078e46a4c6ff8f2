"""The ways in: upload API, watched folder, command line."""
