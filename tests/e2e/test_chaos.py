# A few rounds of chaos.py.
import unittest

import chaos
from support import tools_present


def setUpModule():
    tools_present("Xvfb", "vkcube")


class Chaos(unittest.TestCase):
    ROUNDS, SEED = 40, 20261121

    def test_40_rounds(self):
        game = chaos.Chaos(slack=2.0)
        game.run(chaos.plan(self.ROUNDS, self.SEED), at_once=4, progress=lambda done: None)
        self.assertEqual(game.failures, [])
        self.assertGreater(game.hits, self.ROUNDS // 4, "Hardly any worker was hit.")


if __name__ == "__main__":
    unittest.main()
