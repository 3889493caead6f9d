"""Kinds of variable objects: one interface, one file a kind or small family."""
