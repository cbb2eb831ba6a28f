#!/usr/bin/env python3
"""Holds the figures of the fault test against what is promised. Prints the figures; ends with 1 where anything is amiss.

    judge.py FILE MINUTES [all|promises]     where time says nothing, only the promises count

Must not measure anything.
"""
import json
import sys

# So few requests a second would be a test of an idle daemon.
LEAST_PER_SECOND = 10


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    minutes = float(sys.argv[2])
    try:
        figures = {figure["name"]: figure["value"] for figure in json.loads(text)}
    except ValueError:
        sys.exit(f"fault-test: no figures: {text.strip()}")
    print(text.strip())
    of_time = sys.argv[3:] != ["promises"]
    silence = sum(value for name, value in figures.items() if name.endswith(".silence"))
    judged = [
        ("the name is on the bus 99 % of the time", not of_time or figures["faults.name-on-the-bus"] >= 99.0),
        ("no answer is more than 50 ms past its deadline", not of_time or figures["faults.late"] == 0),
        ("each request is answered", silence == 0),
        ("each promise is kept", figures["faults.promises.broken"] == 0),
        ("there were faults", figures["faults.faults"] > 0),
        ("it was asked all the time", figures["faults.requests"] >= minutes * 60 * LEAST_PER_SECOND),
    ]
    amiss = [words for words, well in judged if not well]
    for words in amiss:
        print(f"fault-test: not so: {words}", file=sys.stderr)
    sys.exit(1 if amiss else 0)


if __name__ == "__main__":
    main()
