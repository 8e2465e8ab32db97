"""An agent in a task: how it learns and chooses, simulated, and scored against choices that were observed."""
