"""The shell. ``app`` puts the commands together; each of the other modules holds one group of them."""
