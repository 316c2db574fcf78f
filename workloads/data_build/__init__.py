"""Building the mini edition's data from packages of public registries. Never part of an image."""
