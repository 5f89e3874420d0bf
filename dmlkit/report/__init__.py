"""A dataset folder, or a run, as a folder of static pages that open from disk: no server and no network."""
