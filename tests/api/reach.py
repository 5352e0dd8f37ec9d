"""Which refusals a rule can come to: read from the source, through every function that it names."""

import ast
from functools import cache
from pathlib import Path

import koudai

SRC = Path(koudai.__file__).parent
ROOMS = ("cards", "ledger", "policy", "programmes")
LAW = ("koudai.cards.law.judge", "judge")
"""What asks a pack: the codes that a clause refuses with are data."""

Key = tuple[str, str]


class Source:
    """The functions of some rooms, and what each of them names."""

    def __init__(self) -> None:
        self.defs: dict[Key, ast.AST] = {}
        self.methods: dict[str, list[Key]] = {}
        self.imports: dict[str, dict[str, Key]] = {}
        for room in ROOMS:
            for path in (SRC / room).rglob("*.py"):
                parts = path.relative_to(SRC.parent).with_suffix("").parts
                self._read(".".join(parts).removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8")))

    def _read(self, module: str, tree: ast.Module) -> None:
        known = self.imports[module] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                known.update({a.asname or a.name: (node.module, a.name) for a in node.names})
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.defs[module, node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self.defs.update({(module, t.id): node for t in targets if isinstance(t, ast.Name)})
            elif isinstance(node, ast.ClassDef):
                for one in node.body:
                    if isinstance(one, ast.FunctionDef) and "Refused" in ast.unparse(one):
                        self.defs[module, f"{node.name}.{one.name}"] = one
                        self.methods.setdefault(one.name, []).append((module, f"{node.name}.{one.name}"))

    def _found(self, module: str, name: str) -> Key | None:
        for _ in range(6):
            if (module, name) in self.defs:
                return module, name
            if name not in self.imports.get(module, {}):
                return None
            module, name = self.imports[module][name]
        return None

    def _of(self, node: ast.Attribute) -> list[Key]:
        """The methods that an attribute may be: those of the class that its owner is called after, else of any other."""
        found = self.methods.get(node.attr, [])
        owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        named = [key for key in found if key[1].split(".")[0].lower() == owner]
        return named or [key for key in found if key[1].split(".")[0] not in ("Pins", "Codes")]

    def reached(self, module: str, name: str) -> set[str]:
        """The refusals, as `CardRefusal.BLOCKED`, that a function of a module names, or one that it names; and `law`."""
        codes: set[str] = set()
        start = self._found(module, name)
        assert start is not None, f"{module} has no {name}"
        todo, seen = [start], set()
        while todo:
            key = todo.pop()
            if key in seen:
                continue
            seen.add(key)
            if key == LAW:
                codes.add("law")
            for node in ast.walk(self.defs[key]):
                if isinstance(node, ast.Attribute):
                    if isinstance(node.value, ast.Name) and node.value.id.endswith("Refusal"):
                        codes.add(f"{node.value.id}.{node.attr}")
                    else:
                        todo += self._of(node)
                elif isinstance(node, ast.Name) and (other := self._found(key[0], node.id)) is not None:
                    todo.append(other)
        return codes


@cache
def source() -> Source:
    return Source()
