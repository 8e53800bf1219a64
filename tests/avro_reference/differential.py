#!/usr/bin/env python3
"""Random schemas and values: what keyfold reads and writes, beside the reference implementation.

usage: differential.py PROBE [--seed N] [--schemas N]

PROBE is keyfold_avro_probe. Prints its seed; ends with `N passed, N failed, N skipped`. Needs Debian's python3-avro; without it all is skipped.
"""

import argparse
import base64
import datetime
import decimal
import io
import json
import random
import struct
import subprocess
import sys
import time

try:
    import avro.errors
    import avro.io
    import avro.schema
except ImportError:
    avro = None

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
RECORDS = 12


class Maker:
    """Random schemas with their values, and what columns they can be read as."""

    def __init__(self, rng):
        self.rng = rng
        self.names = 0

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def schema(self, depth=0):
        simple = ["boolean", "int", "long", "float", "double", "bytes", "string"]
        kinds = ["simple"] * 6 + ["enum", "fixed", "decimal", "time"]
        if depth < 3:
            kinds += ["array", "map", "nullable", "nullable", "union", "record", "tree"]
        kind = self.rng.choice(kinds)
        if kind == "simple":
            return self.rng.choice(simple)
        if kind == "enum":
            return {"type": "enum", "name": self.name("E"), "symbols": [f"S{i}" for i in range(self.rng.randint(1, 90))]}
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("F"), "size": self.rng.randint(0, 20)}
        if kind == "decimal":
            precision = self.rng.randint(1, 18)
            of = {"type": "bytes"} if self.rng.random() < 0.5 else {"type": "fixed", "name": self.name("D"), "size": 12}
            return of | {"logicalType": "decimal", "precision": precision, "scale": self.rng.randint(0, precision)}
        if kind == "time":
            return self.rng.choice([{"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-millis"},
                                    {"type": "long", "logicalType": "timestamp-micros"},
                                    {"type": "int", "logicalType": "time-millis"}, {"type": "long", "logicalType": "time-micros"}])
        if kind == "array":
            return {"type": "array", "items": self.schema(depth + 1)}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth + 1)}
        if kind == "nullable":
            of = self.schema(depth + 1)
            while isinstance(of, list):
                of = self.schema(depth + 1)
            return self.rng.choice([["null", of], [of, "null"]])
        if kind == "union":
            of = self.rng.sample(simple + ["null"], self.rng.randint(1, 5))
            if self.rng.random() < 0.5:
                of.append({"type": "array", "items": self.schema(depth + 1)})
            return of
        if kind == "tree":
            name = self.name("T")
            return {"type": "record", "name": name, "fields": [{"name": "v", "type": "int"}, {"name": "s", "type": "string"},
                                                               {"name": "next", "type": ["null", name]}]}
        return self.record(depth + 1)

    def record(self, depth=0):
        fields = [{"name": f"f{i}", "type": self.schema(depth)} for i in range(self.rng.randint(1, 6))]
        return {"type": "record", "name": self.name("R"), "fields": fields}

    def text(self):
        return "".join(self.rng.choice("ab yzäß€𝄞\"\\") for _ in range(self.rng.choice([0, 1, 3, 7, 8, 12, 16, 17, 40])))

    def value(self, of, known, depth=0):
        rng = self.rng
        if isinstance(of, list):
            if depth > 8 and "null" in of:
                return None
            return self.value(rng.choice(of), known, depth + 1)
        if isinstance(of, str) and of in known:
            return self.value(known[of], known, depth + 1)
        logical = of.get("logicalType") if isinstance(of, dict) else None
        if logical == "decimal":
            return decimal.Decimal(rng.randint(-10 ** of["precision"] + 1, 10 ** of["precision"] - 1)).scaleb(-of["scale"])
        if logical == "date":
            return datetime.date(1970, 1, 1) + datetime.timedelta(days=rng.randint(-100000, 100000))
        if logical in ("timestamp-millis", "timestamp-micros"):
            unit = 1000 if logical == "timestamp-millis" else 1
            return EPOCH + datetime.timedelta(microseconds=rng.randint(-5 * 10 ** 16, 5 * 10 ** 16) // unit * unit)
        if logical in ("time-millis", "time-micros"):
            micros = rng.randrange(86_400_000_000)
            micros -= micros % 1000 if logical == "time-millis" else 0
            return (EPOCH + datetime.timedelta(microseconds=micros)).time()
        kind = of if isinstance(of, str) else of["type"]
        if kind == "record":
            known[of["name"]] = of
            return {x["name"]: self.value(x["type"], known, depth + 1) for x in of["fields"]}
        if kind == "array":
            return [self.value(of["items"], known, depth + 1) for _ in range(rng.choice([0, 1, 3]))]
        if kind == "map":
            return {self.text(): self.value(of["values"], known, depth + 1) for _ in range(rng.choice([0, 1, 3]))}
        if kind == "enum":
            return rng.choice(of["symbols"])
        if kind == "fixed":
            return rng.randbytes(of["size"])
        return {"null": lambda: None, "boolean": lambda: rng.random() < 0.5,
                "int": lambda: rng.choice([0, -1, 63, -64, 64, 2 ** 31 - 1, -2 ** 31, rng.randint(-2 ** 31, 2 ** 31 - 1)]),
                "long": lambda: rng.choice([0, 2 ** 63 - 1, -2 ** 63, rng.randint(-2 ** 63, 2 ** 63 - 1)]),
                "float": lambda: struct.unpack("<f", struct.pack("<f", rng.uniform(-1e6, 1e6)))[0],
                "double": lambda: rng.uniform(-1e12, 1e12), "bytes": lambda: rng.randbytes(rng.choice([0, 1, 5, 30])),
                "string": self.text}[kind]()


def declare(of, rng):
    """A column type for a writer's type, and the reader's type that means the same; None where there is none."""
    if isinstance(of, list):
        branches = [x for x in of if x != "null"]
        made = declare(branches[0], rng) if len(branches) == 1 else None
        return made and (made[0], [x if x == "null" else made[1] for x in of])
    logical = of.get("logicalType") if isinstance(of, dict) else None
    if logical == "decimal":
        return f"decimal({of['precision']},{of['scale']})", of
    if logical in ("date", "timestamp-millis", "timestamp-micros"):
        return "timestamp", of
    if logical:
        return "string", of
    kind = of if isinstance(of, str) else of["type"]
    if kind in ("array", "map"):
        part = "items" if kind == "array" else "values"
        made = declare(of[part], rng)
        # The reference does not promote inside them; keyfold does.
        return made and (f"list<{made[0]}>" if kind == "array" else f"map<string,{made[0]}>", of)
    if kind == "record" or kind == "null":
        return None
    if kind == "fixed":
        return "bytes", of
    if kind == "enum":
        return "string", of
    choices = {"boolean": [("bool", "boolean")], "int": [("int32", "int"), ("int64", "long"), ("float", "float"), ("double", "double")],
               "long": [("int64", "long"), ("double", "double"), ("float", "float")],
               "float": [("float", "float"), ("double", "double")], "double": [("double", "double")],
               "string": [("string", "string"), ("bytes", "string")], "bytes": [("bytes", "bytes")]}
    return rng.choice(choices[kind]) if kind in choices else None


def columns_of(record, rng):
    """Columns of some fields, in any order, the reader's schema of the same, and where each is in what it gives."""
    columns, fields = [], []
    picked = rng.sample(record["fields"], rng.randint(1, len(record["fields"])))
    for field in picked:
        of = field["type"]
        inner = next((x for x in of if isinstance(x, dict) and x["type"] == "record"), None) if isinstance(of, list) else of
        if isinstance(inner, dict) and inner["type"] == "record":
            made = [(x, declare(x["type"], rng)) for x in inner["fields"] if not x["name"] == "next"]
            made = [(x, y) for x, y in made if y]
            if not made:
                continue
            reader = {"type": "record", "name": inner["name"], "fields": [{"name": x["name"], "type": y[1]} for x, y in made]}
            fields.append({"name": field["name"], "type": [x if x == "null" else reader for x in of] if isinstance(of, list) else reader})
            columns += [{"name": f"{field['name']}_{x['name']}", "type": y[0], "path": [field["name"], x["name"]]} for x, y in made]
            continue
        made = declare(of, rng)
        if made:
            fields.append({"name": field["name"], "type": made[1]})
            columns.append({"name": field["name"], "type": made[0], "path": [field["name"]]})
    return columns, {"type": "record", "name": record["name"], "fields": fields}


def rfc3339(at):
    micros = (at - EPOCH) // datetime.timedelta(microseconds=1)
    text = at.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    fraction = micros % 1_000_000
    if fraction:
        text += f".{fraction // 1000:03}" if fraction % 1000 == 0 else f".{fraction:06}"
    return text + "Z"


def expected(value, kind):
    """A value as JSON that formats.md says, parsed again."""
    if value is None:
        return None
    if kind.startswith("list<"):
        return [expected(x, kind[5:-1]) for x in value]
    if kind.startswith("map<"):
        return {k: expected(v, kind[11:-1]) for k, v in value.items()}
    if kind == "bytes":
        return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
    if kind == "timestamp":
        if isinstance(value, datetime.datetime):
            return rfc3339(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
        return rfc3339(datetime.datetime(value.year, value.month, value.day, tzinfo=UTC))
    if kind == "string" and isinstance(value, datetime.time):
        return value.isoformat(timespec="auto") if value.microsecond % 1000 else value.isoformat(
            timespec="milliseconds" if value.microsecond else "seconds")
    if kind in ("float", "double"):
        return struct.unpack("<f", struct.pack("<f", value))[0] if kind == "float" else float(value)
    return value


def same(got, wanted, kind):
    if wanted is None or got is None:
        return got is wanted
    if kind.startswith("list<"):
        return len(got) == len(wanted) and all(same(x, y, kind[5:-1]) for x, y in zip(got, wanted))
    if kind.startswith("map<"):
        return got.keys() == wanted.keys() and all(same(got[k], wanted[k], kind[11:-1]) for k in got)
    if kind == "float":
        return struct.pack("<f", float(got)) == struct.pack("<f", wanted)
    if kind == "double":
        return float(got) == wanted
    return got == wanted


class Probe:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def written(schema, value):
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def read(writer, reader, record):
    return avro.io.DatumReader(writer, reader).read(avro.io.BinaryDecoder(io.BytesIO(record)))


def check_reading(probe, rng):
    """One schema, some of its records; what differs, or None. Also the number of values compared."""
    maker = Maker(rng)
    record = maker.record()
    columns, reader = columns_of(record, rng)
    if not columns:
        return None, 0
    writer_schema = avro.schema.parse(json.dumps(record))
    reader_schema = avro.schema.parse(json.dumps(reader))
    records = [written(writer_schema, maker.value(record, {})) for _ in range(RECORDS)]
    missing = {"name": "nowhere", "type": "int64", "path": ["nowhere"], "default": "7"}
    answer = probe.ask(schema=json.dumps(record), columns=columns + [missing], records=[x.hex() for x in records])
    about = f"schema {json.dumps(record)}\ncolumns {json.dumps(columns)}\n"
    if "problem" in answer:
        return about + answer["problem"], 0
    for data, row in zip(records, answer["rows"]):
        wanted = read(writer_schema, reader_schema, data)
        if isinstance(row, str):
            return f"{about}record {data.hex()}\nrefused: {row}\nreference: {wanted}", 0
        if row[-1] != "7":
            return f"{about}the default is {row[-1]}", 0
        for column, text in zip(columns, row):
            value = wanted
            for step in column["path"]:
                value = None if value is None else value[step]
            value = expected(value, column["type"])
            got = json.loads(text, parse_float=decimal.Decimal)
            if column["type"].startswith("decimal") and got is not None:
                got = decimal.Decimal(got)
            if not same(got, value, column["type"]):
                return f"{about}record {data.hex()}\ncolumn {column['name']}: {text}\nreference: {value}", 0
    return check_prefixes(probe, record, columns, records, about), RECORDS * len(columns)


def check_prefixes(probe, record, columns, records, about):
    """No part of a record but the whole is one, and no record is more than itself."""
    data = max(records, key=len)[:300]
    whole = max(records, key=len)
    parts = [whole[:n] for n in range(min(len(whole), len(data)))] + [whole + b"\0"]
    answer = probe.ask(schema=json.dumps(record), columns=columns, records=[x.hex() for x in parts])
    for part, row in zip(parts, answer["rows"]):
        if not isinstance(row, str):
            return f"{about}of {whole.hex()} the part {part.hex()} was read"
    return None


def check_writing(probe, rng):
    maker = Maker(rng)
    simple = {"bool": "boolean", "int32": "int", "int64": "long", "double": "double", "string": "string"}
    kinds = list(simple) + [f"list<{x}>" for x in simple] + [f"map<string,list<{x}>>" for x in simple]
    columns = [{"name": f"c.{i}" if rng.random() < 0.3 else f"c{i}", "type": rng.choice(kinds), "path": [f"p{i}"]} for i in range(rng.randint(1, 6))]

    def value(kind):
        if rng.random() < 0.2:
            return None
        if kind.startswith("list<"):
            return [value(kind[5:-1]) for _ in range(rng.choice([0, 1, 4]))]
        if kind.startswith("map<"):
            return {maker.text(): value(kind[11:-1]) for _ in range(rng.choice([0, 1, 4]))}
        return maker.value(simple[kind], {})

    rows = [{x["path"][0]: value(x["type"]) for x in columns} for _ in range(RECORDS)]
    answer = probe.ask(view="some-view", columns=columns, rows=rows)
    if "problem" in answer:
        return f"columns {json.dumps(columns)}\n{answer['problem']}", 0
    schema = avro.schema.parse(answer["schema"])
    for row, record in zip(rows, answer["records"]):
        data = io.BytesIO(bytes.fromhex(record))
        got = list(avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(data)).values())
        if data.read():
            return f"{answer['schema']}\nrecord {record}: bytes are left", 0
        if got != list(row.values()):
            return f"{answer['schema']}\nrecord {record}\nrow {row}\nreference: {got}", 0
    return None, RECORDS * len(columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("probe")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2 ** 32)
    parser.add_argument("--schemas", type=int, default=300)
    options = parser.parse_args()
    if avro is None:
        print("skipped: Avro beside the reference implementation: python3-avro is not installed\n0 passed, 0 failed, 1 skipped")
        return 0
    print(f"seed {options.seed}")
    probe = Probe(options.probe)
    failed = values = 0
    for check in check_reading, check_writing:
        for number in range(options.schemas):
            difference, compared = check(probe, random.Random(f"{options.seed}-{check.__name__}-{number}"))
            values += compared
            if difference:
                failed += 1
                print(f"{check.__name__} {number} of seed {options.seed}:\n{difference}\n")
    if probe.close() != 0:
        print("the probe crashed")
        failed += 1
    if values < options.schemas:
        print(f"only {values} values were compared")
        failed += 1
    print(f"{values} values compared")
    print(f"{2 * options.schemas - min(failed, 2 * options.schemas)} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
