"""File formats: for each, how its files are cut into pieces at planning and how a task reads its pieces."""
