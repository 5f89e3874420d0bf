"""The official DyML release → data set folders: `release` reads its lists, `load.load` does all. See docs/dyml.md."""
