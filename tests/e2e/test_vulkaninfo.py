# What vulkaninfo tells through Hesper is what it tells natively, but for what vulkaninfo_differences.toml explains.
import fnmatch
import pathlib
import tomllib
import unittest

from support import BACKPORTS, STABLE, TestCase, tools_present
from vulkaninfo import Registry, device_facts

EXPLAINED = tomllib.loads((pathlib.Path(__file__).parent / "vulkaninfo_differences.toml").read_text())["difference"]


def setUpModule():
    tools_present("vulkaninfo")


class Comparison:
    mesa = None

    def test_device_is_the_native_one(self):
        def through_hesper(*command):
            return self.hesper(self.mesa, *command)

        native = device_facts(self.native, self.scratch.path)
        ours = device_facts(through_hesper, self.scratch.path)
        self.assertGreater(len(native), 2000, "vulkaninfo tells less than it should.")
        differences = [path for path in sorted(native.keys() | ours.keys()) if native.get(path) != ours.get(path)]
        explained = [entry for entry in EXPLAINED if self.mesa in entry["clients"]]
        certain = [entry for entry in explained if not entry.get("depends_on_host", False)]
        unused = {pattern for entry in certain for pattern in entry["paths"]}
        unexplained = []
        for path in differences:
            patterns = [each for entry in explained for each in entry["paths"] if fnmatch.fnmatchcase(path, each)]
            unused.difference_update(patterns)
            if not patterns:
                unexplained.append(path)
        # An extension takes its features and properties along when it comes and goes.
        extensions = [path.partition("/")[2] for path in differences if path.startswith("extensions/")]
        registry = Registry()
        unexplained = [path for path in unexplained if not registry.belongs_to(path, extensions)]
        lines = [f"{path}: native {native.get(path)}, through Hesper {ours.get(path)}" for path in unexplained]
        self.assertFalse(lines, f"{len(lines)} differences:\n" + "\n".join(lines))
        self.assertFalse(unused, "Some explained differences are not there any more.")


class StableClient(Comparison, TestCase):
    mesa = STABLE


class BackportsClient(Comparison, TestCase):
    mesa = BACKPORTS


if __name__ == "__main__":
    unittest.main()
