"""Runs the tests of a module and ends with the line of Rust's test runner, which CI counts."""

import sys
import unittest


def main():
    program = unittest.main(module="__main__", exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    outcome = "ok" if result.wasSuccessful() and result.testsRun else "FAILED"
    print(f"test result: {outcome}. {result.testsRun - failed} passed; {failed} failed; 0 ignored", flush=True)
    sys.exit(outcome != "ok")
