"""One folder per family; one model is a config, a network and a generator."""
