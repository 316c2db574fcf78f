"""Layers that several models share, one file per idea and framework. They travel with the models into the trainer."""
