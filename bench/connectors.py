#!/usr/bin/env python3
"""Avro decoding on one core beside avro-c: records per second."""

import argparse
import os


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="where the programs are; scripts/bench gives it")
    parser.add_argument("--records", type=int, default=1_000_000, help="of each schema, for each of five rounds")
    options = parser.parse_args()
    program = os.path.join(options.build, "bench", "bench_avro")
    os.execv(program, [program, str(options.records)])


if __name__ == "__main__":
    main()
