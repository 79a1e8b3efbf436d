"""Running jobs: what a worker does with one, and the supervisor that launches workers."""
