"""The REST API: hosts first, readers beside them."""
