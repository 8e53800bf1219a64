#!/usr/bin/env python3
"""Shows that the layering holds, and that what keeps it would notice a violation.

usage: layers_test.py [BUILD]     BUILD: a configured build directory, for the compiler's part; without it that is skipped

1. The sources of this tree obey the link lines.  2. In a copy, each planted violation is found by layers.py, at its line.
3. The compiler, with the flags of each folder's own sources, refuses the headers of folders that it does not link.
4. The library of the pure core needs no symbol of CAF, Boost.Asio, librdkafka or SQLite.
Last line: `N passed, N failed, N skipped`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import layers

TREE = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
counts = {"passed": 0, "failed": 0, "skipped": 0}

# Folder, line to plant, a piece of the message it must cause.
PLANTED = [
    ("features", "#include <caf/actor.hpp>", "no CAF::core"),
    ("features", "#include <boost/asio.hpp>", "no Boost::headers"),
    ("connectors", "#include <boost/beast/http.hpp>", "no Boost::headers"),
    ("features", "#include <librdkafka/rdkafka.h>", "no PkgConfig::rdkafka"),
    ("features", "#include <sqlite3.h>", "no SQLite::SQLite3"),
    ("features", "#include <nlohmann/json.hpp>", "no nlohmann_json::nlohmann_json"),
    ("features", '#include "messages/push.hpp"', "no keyfold::messages"),
    ("features", "#include <thread>", "is pure"),
    ("features", "#include <mutex>", "is pure"),
    ("features", "#include <sys/socket.h>", "is pure"),
    ("features", "#  include  <fstream>", "is pure"),
    ("features", "auto now() { return std::chrono::system_clock::now(); }", "may not use system_clock"),
    ("config", '#include "store/ledger.hpp"', "no keyfold::store"),
    ("config", "#include <caf/actor.hpp>", "no CAF::core"),
    ("store", '#include "features/cell.hpp"', "no keyfold::features"),
    ("messages", '#include "actors/planted.hpp"', "no keyfold::actors"),
    ("messages", '#include "absent/planted.hpp"', "no file of this project"),
    ("messages", "#include <librdkafka/rdkafka.h>", "no PkgConfig::rdkafka"),
    ("messages", "#include <valijson/schema.hpp>", "allows it to config"),
    ("connectors", '#include "http/planted.hpp"', "no keyfold::http"),
    ("connectors", '#include "actors/planted.hpp"', "no keyfold::actors"),
    ("http", '#include "actors/planted.hpp"', "no keyfold::actors"),
    ("http", "#include <librdkafka/rdkafka.h>", "no PkgConfig::rdkafka"),
    ("actors", '#include "connectors/planted.hpp"', "no keyfold::connectors"),
    ("actors", "#include <boost/asio.hpp>", "allows it to http"),
    ("http", "#include <unknown/library.hpp>", "does not know"),
]


def check(what, good, detail=""):
    counts["passed" if good else "failed"] += 1
    if not good:
        print(f"FAILED: {what}\n{detail}")


def check_planted():
    folders = layers.link_lines(TREE)
    with tempfile.TemporaryDirectory() as copy:
        shutil.copy(os.path.join(TREE, "CMakeLists.txt"), copy)
        for folder in folders:
            if os.path.isdir(os.path.join(TREE, folder)):
                shutil.copytree(os.path.join(TREE, folder), os.path.join(copy, folder))
            os.makedirs(os.path.join(copy, folder), exist_ok=True)
            open(os.path.join(copy, folder, "planted.hpp"), "w").close()
        before = len(list(layers.violations(copy)))
        for folder, line, message in PLANTED:
            path = os.path.join(copy, folder, "planted.hpp")
            with open(path, "w") as f:
                f.write("#pragma once\n" + line + "\n")
            found = [x for x in layers.violations(copy) if x.startswith(f"{folder}/planted.hpp:2: ") and message in x]
            check(f"a planted `{line}` in {folder}/ is found", len(found) == 1, f"found: {found}")
            open(path, "w").close()
        for line in ("// a comment on system_clock", 'auto text = "system_clock";', '#include "features/cell.hpp"'):
            with open(os.path.join(copy, "features", "planted.hpp"), "w") as f:
                f.write(line + "\n")
            check(f"`{line}` in features/ is no violation", len(list(layers.violations(copy))) == before)


def flags_of(folder, commands):
    """The compiler call of one source of the folder, without its input and output."""
    for command in commands:
        if os.path.relpath(command["file"], TREE).startswith(folder + "/"):
            words = shlex.split(command["command"])
            out = words.index("-o")
            words = words[:out] + words[out + 2:]
            return [x for x in words if x not in ("-c", command["file"]) and os.path.basename(x) != "ccache"]
    return None


def compiles(flags, header):
    source = f'#include "{header}"\n'
    # Not in the tree: a quoted name is looked up in the current directory too.
    done = subprocess.run([*flags, "-fsyntax-only", "-x", "c++", "-"], input=source, text=True, capture_output=True, cwd="/")
    return done.returncode == 0, done.stderr


def check_compiler(build):
    """One header of each folder, included with the flags of each folder."""
    with open(os.path.join(build, "compile_commands.json")) as f:
        commands = json.load(f)
    links = layers.link_lines(TREE)
    headers = {x: next((os.path.relpath(s, TREE) for s in layers.sources(TREE, x) if s.endswith(".hpp")), None)
               for x in links}
    for folder in links:
        flags = flags_of(folder, commands)
        for other, header in headers.items():
            if flags is None or header is None:
                counts["skipped"] += 1
                print(f"skipped: {folder}/ or {other}/ has no source to take flags or a header from")
                continue
            good, errors = compiles(flags, header)
            if other == folder or f"keyfold::{other}" in links[folder]:
                check(f'{folder}/ can include "{header}"', good, errors)
            else:
                refused = not good and f"{header}: No such file" in errors
                check(f'the compiler refuses "{header}" in {folder}/', refused, errors)


def own_name(symbol):
    """Without template arguments and parameters, whose types may be of header-only libraries."""
    nested = re.compile(r"<[^<>]*>")
    while nested.search(symbol):
        symbol = nested.sub("", symbol)
    return symbol.split("(")[0]


def check_symbols(build):
    library = os.path.join(build, "libkeyfold_features.a")
    if not os.path.exists(library):
        counts["skipped"] += 1
        print(f"skipped: {library} is not built")
        return
    wanted = subprocess.run(["nm", "-C", "--undefined-only", library], capture_output=True, text=True, check=True).stdout
    foreign = [x for x in wanted.splitlines() if any(y in own_name(x) for y in ("caf::", "boost::", "rd_kafka", "sqlite3_"))]
    check("the pure core needs no symbol of CAF, Boost, librdkafka or SQLite", not foreign, "\n".join(foreign[:10]))


def main():
    found = list(layers.violations(TREE))
    check("the tree obeys the link lines", not found, "\n".join(found))
    check_planted()
    if len(sys.argv) > 1:
        check_compiler(sys.argv[1])
        check_symbols(sys.argv[1])
    else:
        counts["skipped"] += 1
        print("skipped: the compiler's part (no build directory given)")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
