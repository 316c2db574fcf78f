"""Losses, one file per loss and framework. They travel with the models into the trainer."""
