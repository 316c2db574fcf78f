"""What things cost: scripts that measure, run by `make bench-*`. Nothing of the product imports them."""
