#!/usr/bin/env python3
"""Each view alone, on one thread: events per second of processor time, allocations per event, bytes per key."""

import argparse
import os


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="where the programs are; scripts/bench gives it")
    parser.add_argument("--events", type=int, default=4_000_000, help="for each view and number of keys")
    parser.add_argument("--view", default="", help="only those whose names begin so")
    parser.add_argument("--keys", type=int, default=0, choices=(0, 1000, 100_000), help="only with so many; 0: with either number")
    options = parser.parse_args()
    program = os.path.join(options.build, "bench", "bench_views")
    os.execv(program, [program, str(options.events), options.view, str(options.keys)])


if __name__ == "__main__":
    main()
