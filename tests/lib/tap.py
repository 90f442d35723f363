# SPDX-License-Identifier: BSD-2-Clause
"""A test program in Python: decorate functions with @case, end with tap.main(). Prints TAP.

    from tap import case, main, skip, expect

    @case("a served bank equals the container's")
    def _():
        expect(digest(a) == digest(b), f"{a} differs from {b}")

    main()

Cases run in the order they were written, so that several can share one boot: what they share is kept in a Shared(). A
case that raises Skip("why") counts as skipped and prints why; what else it raises is a failure, told where it happens,
and the reasons of all failures once more at the end, since that is what is read of a long log. `--only TEXT` (may be
repeated) runs the cases whose name contains TEXT. With HOLDFAST_FIRST_FAILURE the first case that fails is the last one.
"""
import os
import sys
import time
import traceback

_cases = []
_skipped = []

sys.stdout.reconfigure(errors="backslashreplace")  # what a guest said is printed in any locale


class Skip(Exception):
    """Raised by a case that cannot run here; the text says what is missing."""


def case(name):
    def register(function):
        _cases.append((name, function))
        return function
    return register


def skip(why):
    raise Skip(why)


class Shared(dict):
    """What cases leave to later ones. What a skipped case would have made skips those that need it, too."""

    def __missing__(self, key):
        if _skipped:
            skip(f"needs what a skipped case makes: {_skipped[0]}")
        raise KeyError(key)


def expect(condition, words):
    if not condition:
        raise AssertionError(words)


def note(text):
    """A line for the reader of the log; TAP ignores it."""
    for line in str(text).splitlines():
        print(f"# {line}", flush=True)


def reason(why):
    return "".join(traceback.format_exception_only(why)).strip()


def main(cleanup=None):
    only = [text for option, text in zip(sys.argv, sys.argv[1:]) if option == "--only"] or [""]
    chosen = [c for c in _cases if any(text in c[0] for text in only)]
    failures = []
    print(f"1..{len(chosen)}", flush=True)
    for number, (name, function) in enumerate(chosen, 1):
        start = time.monotonic()
        try:
            function()
            print(f"ok {number} - {name}", flush=True)
        except Skip as why:
            _skipped.append(name)
            print(f"ok {number} - {name} # SKIP {' '.join(str(why).split())}", flush=True)
        except Exception as why:  # a failing case must not hide the ones after it
            failures.append((name, reason(why)))
            note(traceback.format_exc())
            print(f"not ok {number} - {name}", flush=True)
        note(f"{time.monotonic() - start:.1f} s")
        if failures and os.environ.get("HOLDFAST_FIRST_FAILURE"):
            print("Bail out! The first failure is enough here.", flush=True)
            break
    try:
        if cleanup:
            cleanup()
    except Exception as why:
        failures.append(("the end of the test", reason(why)))
        note(traceback.format_exc())
    for name, why in failures:
        note(f"FAILED {name}: {why}")
    sys.exit(1 if failures else 0)
