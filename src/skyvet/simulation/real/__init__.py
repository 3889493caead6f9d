"""Real astrophysical changes, one file a kind; each prepares a scene."""
