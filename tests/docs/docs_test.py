#!/usr/bin/env python3
"""The documents against the tree: links lead somewhere, every page is reached from the README, every setting of the definitions'
schema is described with its default, every metric is described, commands of keyfold and definitions that are shown are right.
Usage: docs_test.py [KEYFOLD]. Ends with `N passed, N failed`."""

import json
import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SCHEMA = "config/definition.schema.json"

# Where the settings of a part of the schema are described: the first prefix that fits, and docs/definitions.md.
PAGES = [
    ("kafka_", ["connectors/kafka.md"]),
    ("s2_", ["connectors/s2.md"]),
    ("file_", ["connectors/file.md"]),
    ("sqlite_", ["connectors/sqlite.md"]),
    ("postgres_", ["connectors/postgres.md"]),
    ("webhook_", ["connectors/webhook.md"]),
    ("dynamodb_", ["connectors/dynamodb.md"]),
    ("aws_credentials", ["connectors/dynamodb.md"]),
    ("http_push_", ["connectors/http-push.md"]),
    ("avro_", ["connectors/avro.md"]),
    ("schema_registry", ["connectors/avro.md"]),
    ("json_", ["connectors/formats.md"]),
    ("csv_table", ["tables.md"]),
    ("csv_", ["connectors/formats.md"]),
    ("text_", ["connectors/formats.md"]),
    ("table", ["tables.md"]),
    ("lookup", ["tables.md"]),
    ("as_of", ["views/as-of.md"]),
    ("attribution", ["views/attribution.md"]),
    ("latest", ["views/latest.md"]),
    ("recommend", ["views/recommend.md"]),
    ("product_columns", ["views/recommend.md"]),
    ("top_k", ["views/top-k.md"]),
    ("pattern", ["views/pattern.md"]),
    ("decayed_counters", ["views/decayed-counters.md"]),
    ("measure", ["views/decayed-counters.md"]),
    ("ratio", ["views/decayed-counters.md"]),
] + [(kind, ["views/windows.md", "views/aggregates.md"])
     for kind in ("aggregate", "over_window", "session_window", "sliding_window", "tumbling_window", "running_", "sized_", "row_")]

counts = {"passed": 0, "failed": 0}


def check(name, good, detail=""):
    counts["passed" if good else "failed"] += 1
    if not good:
        print(f"FAILED {name}: {detail}" if detail else f"FAILED {name}")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def pages():
    """The documents that are tracked."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=TOP, stdout=subprocess.PIPE, text=True, check=False).stdout.split()
    return [page for page in listed if not page.startswith(("bench/peers/", "."))]


# --- links ---------------------------------------------------------------------------------------------------------------

def without_code(text):
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def anchor_of(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text):
    return {anchor_of(x) for x in re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)}


def check_links():
    reached, todo = set(), ["README.md"]
    broken = []
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s]+)\)", without_code(read(page))):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if os.path.isdir(os.path.join(TOP, path)) and os.path.exists(os.path.join(TOP, path, "README.md")):
                path = os.path.join(path, "README.md")
            if not os.path.exists(os.path.join(TOP, path)):
                broken.append(f"{page} -> {target}")
            elif path.endswith(".md"):
                if anchor and anchor not in anchors(read(path)):
                    broken.append(f"{page} -> {target}: no such heading")
                todo.append(path)
    check("links lead somewhere", not broken, "; ".join(broken))
    lost = [page for page in pages() if page not in reached and page != "CHANGELOG.md"]
    check("every page is reached from README.md", not lost, ", ".join(lost))


# --- settings ------------------------------------------------------------------------------------------------------------

def properties(node, part, found):
    """All (part of the schema, setting, its default or None) below a node."""
    if isinstance(node, list):
        for x in node:
            properties(x, part, found)
    elif isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            if isinstance(value, dict) and "const" not in value:
                found.setdefault((part, name), value.get("default"))
        for key, value in node.items():
            if key not in ("default", "examples"):
                properties(value, part, found)


def settings():
    schema = json.loads(read(SCHEMA))
    found = {}
    properties(schema["properties"], "", found)
    for name in schema["properties"]:
        found[("", name)] = None
    for part, value in schema["definitions"].items():
        properties(value, part, found)
    found.pop(("", "$schema"))
    return found


def described(part, name):
    """The lines that describe a setting: rows of tables that begin with it; and whether it is mentioned at all."""
    where = next((pages for prefix, pages in PAGES if part.startswith(prefix)), [])
    lines = [line for page in where + ["definitions.md"] for line in read("docs/" + page).splitlines()]
    quoted = [f"`{name}`", f"`\"{name}\"", f"\"{name}\":", f"`{name}:", f"`{name}\","]
    mentioned = [line for line in lines if any(x in line for x in quoted)]
    rows = [line for line in mentioned if line.startswith("|") and f"`{name}`" in "|".join(line.split("|")[1:3])]
    return rows, mentioned


def check_settings():
    missing, undefaulted = [], []
    for (part, name), default in settings().items():
        rows, mentioned = described(part, name)
        if not mentioned:
            missing.append(f"{part}.{name}")
        elif default not in (None, ""):
            text = json.dumps(default)
            written = [text, f"`{default}`"] + ([f"{default:,}".replace(",", " ")] if isinstance(default, int) else [])
            if not any(x in line for x in written for line in rows or mentioned):
                undefaulted.append(f"{part}.{name} = {text}")
    check("every setting of the schema is described", not missing, ", ".join(missing))
    check("every default of the schema is told", not undefaulted, ", ".join(undefaulted))


# --- metrics -------------------------------------------------------------------------------------------------------------

# Names in the documents that look like metrics and are none.
NO_METRICS = {"keyfold_epochs", "keyfold_embedding"}


def sources():
    return subprocess.run(["git", "ls-files", "actors/*.cpp", "app/*.cpp", "connectors/*.cpp", "http/*.cpp", "messages/*.cpp"], cwd=TOP,
                          stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def exported():
    """Names of all families: those with a help text behind them, and those that a metric_maker puts together."""
    found = set()
    for path in sources():
        text = read(path)
        found |= set(re.findall(r'"(keyfold_\w+)"\)?\s*[,.]\s*(?:Help\()?\s*"[A-Z]', text))
        prefix = re.search(r'make_\(std::move\(registry\), "(keyfold_\w+)"', text)
        if prefix:
            found |= {f"{prefix[1]}_{name}_total" for name in re.findall(r'\bcounter\(\s*"(\w+)"', text)}
            found |= {f"{prefix[1]}_{name}" for name in re.findall(r'\bgauges?\(\s*"(\w+)"', text)}
            found |= {f"{prefix[1]}_publish_seconds"} if "publish_seconds(" in text else set()
            found |= {f"{prefix[1]}_lag_records"} if "lag_(" in text else set()
    return found


def told():
    """Names in the pages of docs/: `a_{b,c}_total` is two, braces at the end are labels."""
    found = set()
    for page in pages():
        if page.startswith("docs/"):
            for name, several, rest, more in re.findall(r"\b(keyfold_[a-z0-9_]*)(?:\{([a-z0-9_,]+)\}([a-z0-9_]*))?(…?)", read(page)):
                if name.endswith("_") and several:
                    found |= {name + x + rest for x in several.split(",")}
                elif not more and not name.endswith("_"):
                    found.add(name)
    return found - NO_METRICS


def check_metrics():
    code, pages_have = exported(), told()
    check("every metric is described", len(code) > 50 and code <= pages_have, ", ".join(sorted(code - pages_have)))
    check("metrics that are named exist", pages_have <= code, ", ".join(sorted(pages_have - code)))


# --- commands ------------------------------------------------------------------------------------------------------------

def check_commands(program):
    """Every `keyfold COMMAND --option` of a code block is one that the program knows."""
    unknown = []
    help_of = {}
    for page in pages():
        for block in re.findall(r"^```.*?^```", read(page), flags=re.M | re.S):
            for line in re.findall(r"^\$? ?keyfold ([^#\n]*)", block, re.M):
                words = line.split()
                if words[0].startswith("-"):
                    continue
                if words[0] not in help_of:
                    done = subprocess.run([program, words[0], "--help"], capture_output=True, text=True, timeout=60, check=False)
                    help_of[words[0]] = done.stdout if done.returncode == 0 else ""
                for word in [words[0]] + [x.split("=")[0] for x in words if x.startswith("--")]:
                    if word not in help_of[words[0]]:
                        unknown.append(f"{page}: keyfold {line}: {word}")
    check("commands that are shown exist", help_of and not unknown, "; ".join(unknown))


def check_definitions(program):
    """Every code block that is a whole definition is right; variables that it names are set."""
    wrong, checked = [], 0
    for page in pages():
        for block in re.findall(r"^```jsonc?\n(.*?)^```", read(page), flags=re.M | re.S):
            if '"application"' in block:
                checked += 1
                variables = {name: "x" for name in re.findall(r"\$\{(\w+)\}", block)}
                with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                    file.write(block)
                    file.flush()
                    done = subprocess.run([program, "check", file.name], capture_output=True, text=True, timeout=60, check=False,
                                          env={**os.environ, **variables})
                if done.returncode != 0:
                    wrong.append(f"{page}: {done.stdout}{done.stderr}")
    check("definitions that are shown are right", checked > 1 and not wrong, "; ".join(wrong))


def main():
    check_links()
    check_settings()
    check_metrics()
    if len(sys.argv) > 1:
        check_commands(sys.argv[1])
        check_definitions(sys.argv[1])
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
