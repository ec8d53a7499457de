"""The atlas: real-world facts with ground truth, made from open packages, for models that have read of the world."""
