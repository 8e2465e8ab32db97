"""One program per file that fits the same hierarchical model to the same choices: ``measure(seed)`` says how well it did."""
