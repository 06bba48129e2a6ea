# What vulkaninfo tells through Hesper is what it tells natively, but for what vulkaninfo_differences.toml explains.
import fnmatch
import pathlib
import tomllib
import unittest

from support import BACKPORTS, STABLE, TestCase, tools_present
from vulkaninfo import device_facts

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
        explained = [entry for entry in EXPLAINED if self.mesa in entry["clients"]]
        used = set()
        unexplained = []
        for path in sorted(native.keys() | ours.keys()):
            if native.get(path) == ours.get(path):
                continue
            reasons = [i for i, entry in enumerate(explained) if fnmatch.fnmatchcase(path, entry["path"])]
            used.update(reasons)
            if not reasons:
                unexplained.append(f"{path}: native {native.get(path)}, through Hesper {ours.get(path)}")
        self.assertFalse(unexplained, f"{len(unexplained)} differences:\n" + "\n".join(unexplained))
        unused = [entry["path"] for i, entry in enumerate(explained) if i not in used]
        self.assertFalse(unused, f"These differences are explained but not there any more: {unused}")


class StableClient(Comparison, TestCase):
    mesa = STABLE


class BackportsClient(Comparison, TestCase):
    mesa = BACKPORTS


if __name__ == "__main__":
    unittest.main()
