"""No tensor of a sound is made with torch's defaults, which belong to the caller."""

import ast
from pathlib import Path

import dgm_audio

PACKAGE = Path(dgm_audio.__file__).parent
ROOMS = ("families", "nn", "runtime", "signal")
CONSTRUCTION = {"__init__", "_start_smooth", "between", "first_bias", "set_up_prior"}
"""What runs while a module is built: it follows the caller's defaults, as torch's modules do, and
`load` sets them aside."""
FLOATING = {"empty", "eye", "full", "hann_window", "linspace", "ones", "rand", "randn", "zeros"}
NEEDED = {"device"}, {"device", "dtype"}


def makers(tree: ast.AST):
    """Calls torch.zeros(...) and the like, but for those that build modules."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef) and node.name in CONSTRUCTION:
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "torch":
                yield node, node.func.attr
        yield from makers(node)


def faults(source: str) -> list[str]:
    found = []
    for call, name in makers(ast.parse(source)):
        if name in FLOATING | {"arange", "as_tensor", "tensor"}:
            said = {keyword.arg for keyword in call.keywords}
            missing = set() if None in said else NEEDED[name != "arange"] - said
            if missing:
                found.append(f"{call.lineno}: torch.{name} without {', '.join(sorted(missing))}")
    return found


def test_type_and_device_are_said_where_tensors_are_made():
    files = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
    files += sorted(PACKAGE.glob("*.py"))
    files = [path for path in files if "training" not in path.stem]  # the loop sets the defaults
    assert len(files) > 80
    wrong = {str(path.relative_to(PACKAGE)): faults(path.read_text()) for path in files}
    assert {path: lines for path, lines in wrong.items() if lines} == {}


def test_the_check_sees_what_it_is_for():
    wrong = "def mix(n):\n  return torch.zeros(n, device=d), torch.arange(n), torch.ones(n, **kind)"
    assert faults(wrong) == ["2: torch.zeros without dtype", "2: torch.arange without device"]
    assert faults(wrong.replace("mix", "__init__")) == []
