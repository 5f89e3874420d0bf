"""The forms in which a data set leaves dmlkit: one module each."""
