"""Files, functions and lists of parameters stay short enough to be read.

What is known is counted for each room as it was when the house was built, and may only shrink.
"""

from tests.support.source_code import core_modules, describe_new, functions, name_of

MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 45
MAX_PARAMETERS = 6  # without self and cls; commands of click have one for each option

KNOWN_LONG_FILES = {"training": 1}
KNOWN_LONG_FUNCTIONS: dict[str, int] = {}
# In evaluation, the public `dmlkit.evaluate`: keywords, so that a notebook needs no class of options.
KNOWN_MANY_PARAMETERS = {"evaluation": 1}


def all_functions():
    return [
        (module, f"{module.path}:{function.lineno} {name}", function)
        for module in core_modules()
        for name, function in functions(module)
    ]


def num_parameters(function):
    args = function.args
    names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg) if a]
    return len([name for name in names if name not in ("self", "cls")])


def is_command(function):
    """Whether the function is a command of click: ``@click.command()``, ``@group.command("name")``."""
    return any(name_of(getattr(d, "func", d)) in ("command", "group") for d in function.decorator_list)


def test_files_are_short():
    long = [(m.room, f"{m.path}: {m.num_lines} lines") for m in core_modules() if m.num_lines > MAX_FILE_LINES]
    assert not (new := describe_new(long, KNOWN_LONG_FILES)), new


def test_functions_are_short():
    lines = [(module, place, f.end_lineno - f.lineno + 1) for module, place, f in all_functions()]
    long = [(module.room, f"{place}: {count} lines") for module, place, count in lines if count > MAX_FUNCTION_LINES]
    assert not (new := describe_new(long, KNOWN_LONG_FUNCTIONS)), new


def test_functions_take_few_parameters():
    counts = [(module, place, num_parameters(f)) for module, place, f in all_functions() if not is_command(f)]
    many = [(module.room, f"{place}: {count} parameters") for module, place, count in counts if count > MAX_PARAMETERS]
    assert not (new := describe_new(many, KNOWN_MANY_PARAMETERS)), new
