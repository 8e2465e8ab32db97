"""Side-by-side timings of rwlib, of the plain ways, and of its peers. Run them with ``make bench``."""
