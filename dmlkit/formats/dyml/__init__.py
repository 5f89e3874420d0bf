"""The official DyML release → dataset folders: `release` reads its lists, `load.load` does all. See docs/dyml.md."""
