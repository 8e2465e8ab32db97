"""From a group's choices to a posterior, and whether its draws may be used."""
