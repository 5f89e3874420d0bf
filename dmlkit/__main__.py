from dmlkit.cli import run

run()
