"""What people chose and received: the container, and reading and writing tables."""
