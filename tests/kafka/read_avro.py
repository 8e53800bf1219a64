#!/usr/bin/env python3
"""read_avro.py URL: decodes framed Avro records by the schemas of the registry at URL, with the reference implementation.

A record in hex on each line of standard input, its value in JSON on each line of standard output; `-` stays `-`.
"""

import io
import json
import sys
import urllib.request

import avro.io
import avro.schema

schemas = {}
for line in sys.stdin:
    if line.strip() == "-":
        print("-")
        continue
    data = bytes.fromhex(line)
    assert data[0] == 0
    number = int.from_bytes(data[1:5], "big")
    if number not in schemas:
        with urllib.request.urlopen(f"{sys.argv[1]}/schemas/ids/{number}") as answer:
            schemas[number] = avro.schema.parse(json.load(answer)["schema"])
    rest = io.BytesIO(data[5:])
    value = avro.io.DatumReader(schemas[number]).read(avro.io.BinaryDecoder(rest))
    assert not rest.read()
    print(json.dumps(value, default=str, sort_keys=True))
