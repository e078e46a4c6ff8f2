"""One file a group of promises; each check is a function from a View to violations."""
