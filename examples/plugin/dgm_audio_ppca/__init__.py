"""A family in a package of its own: copy the folder, rename it, and write your model."""
