"""What every package may import: files, names, seeds, messages and errors. No TensorFlow."""
