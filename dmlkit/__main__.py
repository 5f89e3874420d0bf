from dmlkit.cli.main import run

run()
