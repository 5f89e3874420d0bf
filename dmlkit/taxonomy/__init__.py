"""What a dataset is: manifest, WordNet, labels to classes, splits."""
