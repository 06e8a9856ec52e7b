"""Signal processing: tensors in, tensors out; nothing here knows of models."""
