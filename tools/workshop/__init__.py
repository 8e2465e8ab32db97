"""One zip from which a room of laptops is set up without a network: `python -m tools.workshop`."""
