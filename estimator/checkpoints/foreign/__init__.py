"""Weights of other frameworks: reading their files, and their names for our variables."""
