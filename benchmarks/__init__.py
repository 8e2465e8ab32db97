"""Side-by-side timings of rwlib, of the plain ways to do the same, and of its peers. Run them with ``make bench``."""
