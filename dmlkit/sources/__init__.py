"""Where images come from: `base` has what a source is, `registry` the sources by name."""
