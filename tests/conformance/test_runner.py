# The runner, tried with a stand-in for deqp-vk whose cases do what their names say.
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import cases
import verdict

HERE = pathlib.Path(__file__).resolve().parent

FAKE_SUITE = """\
    #!{python}
    import os, signal, sys, time
    arguments = dict(text.lstrip("-").split("=", 1) for text in sys.argv[1:])
    if arguments.get("deqp-runmode") == "txt-caselist":
        with open(arguments["deqp-caselist-export-file"].replace("${{packageName}}", "dEQP-VK"), "w") as file:
            file.write(open(os.environ["FAKE_LIST"]).read())
        sys.exit(0)
    way = os.environ.get("FAKE_WAY", "native")
    names = open(arguments["deqp-caselist-file"]).read().split()
    with open(os.environ["FAKE_TRACE"], "a") as trace:
        trace.write(f"{{way}} {{len(names)}}\\n")
        if "MESA_SHADER_CACHE_DISABLE" not in os.environ:
            trace.write(f"{{way}} keeps shaders in {{os.environ['MESA_SHADER_CACHE_DIR']}}\\n")
    log = open(arguments["deqp-log-filename"], "w")
    log.write("#beginSession\\n")
    for name in names:
        log.write(f"\\n#beginTestCaseResult {{name}}\\n<TestCaseResult>\\n")
        log.flush()
        word = name.rsplit(".", 1)[1].split("_")[0]
        if way == "hesper" and word == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if way == "hesper" and word == "hang":
            time.sleep(60)
        status, reason = "Pass", "ok &amp; well"
        if way == "hesper" and (word == "fail" or word == "flaky" and len(names) > 1):
            status, reason = "Fail", "wrong pixel"
        if way == "hesper" and word == "missing":
            status, reason = "NotSupported", "VK_EXT_foo is not supported"
        log.write(f'<Result StatusCode="{{status}}">{{reason}}</Result>\\n</TestCaseResult>\\n#endTestCaseResult\\n')
        log.flush()
    log.write("#endSession\\n")
"""

FAKE_HESPER = """\
    #!/bin/sh
    while [ "$1" != -- ]; do shift; done
    shift
    FAKE_WAY=hesper exec "$@"
"""


class Sample(unittest.TestCase):
    NAMES = [f"dEQP-VK.big.many.{number}" for number in range(10000)] + [
        f"dEQP-VK.small.group{group}.{number}" for group in range(50) for number in range(3)
    ]

    def test_reaches_every_group(self):
        drawn = cases.sample(lambda: self.NAMES, 1, 400)
        self.assertEqual({cases.group_of(name) for name in drawn}, {cases.group_of(name) for name in self.NAMES})
        self.assertLessEqual(len(drawn), 400)
        self.assertGreater(len(drawn), 350)

    def test_does_not_depend_on_the_order(self):
        self.assertEqual(cases.sample(lambda: self.NAMES, 7, 400), cases.sample(lambda: self.NAMES[::-1], 7, 400))

    def test_depends_on_the_seed(self):
        self.assertNotEqual(cases.sample(lambda: self.NAMES, 1, 400), cases.sample(lambda: self.NAMES, 2, 400))

    def test_is_everything_if_that_is_wanted(self):
        self.assertEqual(cases.sample(lambda: self.NAMES, 1, 10**6), sorted(self.NAMES))


class Verdict(unittest.TestCase):
    def test_of_each_pair(self):
        for native, hesper, wanted in (
            ("Pass", "Pass", verdict.SAME),
            ("Pass", "QualityWarning", verdict.SAME),
            ("Fail", "Crash", verdict.SAME),
            ("NotSupported", "NotSupported", verdict.SAME),
            ("Pass", "Fail", verdict.LOST),
            ("QualityWarning", "Timeout", verdict.LOST),
            ("Pass", "NotSupported", verdict.MISSING),
            ("NotSupported", "DeviceLost", verdict.EXTRA),
            ("NotSupported", "Pass", verdict.BETTER),
            ("Fail", "NotSupported", verdict.OTHER),
        ):
            with self.subTest(f"{native}, {hesper}"):
                self.assertEqual(verdict.compare({"status": native}, {"status": hesper}), wanted)


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hesper-conformance-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.suite = self.program("deqp-vk", FAKE_SUITE.format(python=sys.executable))
        self.hesper = self.program("hesper", FAKE_HESPER)
        self.known = self.folder / "known.txt"
        self.known.write_text("")

    def program(self, name, text):
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        path.chmod(0o755)
        return path

    def run_cases(self, names, *options):
        listed = self.folder / "list.txt"
        listed.write_text("".join(f"TEST: {name}\n" for name in names))
        environment = dict(os.environ, FAKE_LIST=str(listed), FAKE_TRACE=str(self.folder / "trace"))
        command = [sys.executable, "-B", HERE / "run.py", "--deqp", self.suite, "--hesper", self.hesper, "--state",
                   self.folder / "state", "--known", self.known, "--cases", "1000", "--case-limit", "2", *options]
        finished = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=120)
        path = self.folder / "state" / "summary.json"
        self.summary = json.loads(path.read_text()) if path.exists() else None
        self.status, self.said = finished.returncode, finished.stdout + finished.stderr

    def processes(self):
        return (self.folder / "trace").read_text().split("\n")

    def test_equal_results_are_accepted(self):
        self.run_cases([f"dEQP-VK.a.pass_{number}" for number in range(10)])
        self.assertEqual(self.status, 0, self.said)
        self.assertEqual(self.summary["verdicts"], {"same": 10})

    def test_goes_on_behind_a_crash_and_a_hang(self):
        names = ["dEQP-VK.a.pass_1", "dEQP-VK.a.crash_2", "dEQP-VK.a.hang_3", "dEQP-VK.a.pass_4"]
        self.run_cases(names)
        self.assertEqual(self.status, 1, self.said)
        self.assertEqual(self.summary["statuses"]["hesper"], {"Pass": 2, "Crash": 1, "Timeout": 1})
        lost = self.summary["unexplained"]["lost"]
        self.assertEqual(sorted(sum(lost.values(), [])), names[1:3])
        self.assertTrue(any("SIGSEGV" in reason for reason in lost), lost)

    def test_a_failure_that_does_not_repeat_is_flaky(self):
        self.run_cases(["dEQP-VK.a.flaky_1", "dEQP-VK.a.pass_2"])
        self.assertEqual(self.status, 0, self.said)
        self.assertEqual(self.summary["verdicts"], {"flaky": 1, "same": 1})

    def test_known_differences_are_accepted_and_told(self):
        names = ["dEQP-VK.a.fail_1", "dEQP-VK.a.missing_1"]
        self.run_cases(names)
        self.assertEqual(self.status, 1, self.said)
        self.known.write_text("fail dEQP-VK.a.fail_* -- one reason\nmissing VK_EXT_foo -- another\n")
        self.run_cases(names)
        self.assertEqual(self.status, 0, self.said)
        self.assertEqual(self.summary["known"], {"lost: one reason": names[:1], "missing: another": names[1:]})

    def test_finished_cases_are_not_run_again(self):
        names = [f"dEQP-VK.a.pass_{number}" for number in range(10)]
        self.run_cases(names, "--side", "native")
        self.assertEqual(self.summary["compared"], 0)
        self.run_cases(names)
        self.assertEqual(self.summary["compared"], 10)
        self.assertEqual(self.processes().count("native 10"), 1)

    def test_compiled_shaders_are_kept_for_both_ways_only_if_told(self):
        self.run_cases(["dEQP-VK.a.pass_1"])
        self.assertNotIn("keeps", "".join(self.processes()))
        self.run_cases(["dEQP-VK.a.pass_1", "dEQP-VK.a.pass_2"], "--share-shaders", "--redo", "*")
        folders = {line.split(" in ")[1] for line in self.processes() if " keeps " in line}
        self.assertEqual(folders, {str(self.folder / "state" / "driver-cache")})

    def test_redo_forgets_only_what_matches(self):
        names = [f"dEQP-VK.{group}.pass_{number}" for group in "ab" for number in range(5)]
        self.run_cases(names)
        before = self.processes()
        self.run_cases(names, "--redo", "dEQP-VK.b.*")
        self.assertEqual([line for line in self.processes()[len(before) - 1 :] if line.endswith("5")], ["hesper 5"])

    def test_other_settings_need_another_folder(self):
        self.run_cases(["dEQP-VK.a.pass_1"])
        self.run_cases(["dEQP-VK.a.pass_1"], "--seed", "2")
        self.assertIn("another seed", self.said)

    def test_two_runs_do_not_share_a_folder(self):
        (self.folder / "state").mkdir()
        with open(self.folder / "state" / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.run_cases(["dEQP-VK.a.pass_1"])
        self.assertIn("Another run uses", self.said)

    def test_a_suite_that_does_not_run_is_told_at_once(self):
        self.program("deqp-vk", "#!/bin/sh\necho no Vulkan here; exit 1")
        self.run_cases([], "--cases-from", os.devnull)
        self.assertIn("no Vulkan here", self.said)


if __name__ == "__main__":
    unittest.main()
