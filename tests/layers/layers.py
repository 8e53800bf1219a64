#!/usr/bin/env python3
"""Checks that every include of the source folders obeys the link lines of CMakeLists.txt.

The compiler already refuses a header of another folder that is not linked (each folder has an include directory of its
own). It cannot refuse a library's header, because Debian puts those of all libraries into one directory: this does. What
a folder may include is derived from its `keyfold_library(... LINKS ...)` line, so there is one place to change.

usage: layers.py [TREE]     prints `file:line: what is wrong` for each violation; exits 1 if there is one
"""

import os
import re
import sys

# Beginning of a header's name -> the target that a folder must link, directly or through another, to include it.
LIBRARIES = {
    "boost/": "Boost::headers",
    "caf/": "CAF::core",
    "curl/": "CURL::libcurl",
    "fmt/": "fmt::fmt",
    "librdkafka/": "PkgConfig::rdkafka",
    "libpq-fe.h": "PkgConfig::libpq",
    "nlohmann/": "nlohmann_json::nlohmann_json",
    "openssl/": "OpenSSL::Crypto",
    "prometheus/": "prometheus-cpp::core",
    "simdjson.h": "simdjson::simdjson",
    "spdlog/": "spdlog::spdlog",
    "sqlite3.h": "SQLite::SQLite3",
    "xxhash.h": "PkgConfig::xxhash",
}
# Header-only libraries, which the link lines do not tell apart: the folders that may include them.
HEADER_ONLY = {
    "boost/asio": {"http"},
    "boost/beast": {"http"},
    "boost/container": {"features"},
    "tl/": {"features", "config", "messages", "store", "connectors", "http", "actors"},
    "fast_float/": {"features", "config", "connectors", "http"},
    "valijson/": {"config"},
}
# The pure core takes time from events and does no input or output: neither its headers nor these words appear in it.
IMPURE_HEADERS = re.compile(
    r"(thread|stop_token|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier|fstream|iostream|filesystem"
    r"|cstdio|ctime|time\.h|stdio\.h|unistd\.h|fcntl\.h|poll\.h|pthread\.h|random_device|(sys|netinet|arpa)/.*)$")
IMPURE_WORDS = re.compile(
    r"\b(system_clock|steady_clock|high_resolution_clock|utc_clock|file_clock|this_thread|random_device|getenv|thread_local"
    r"|clock_gettime|gettimeofday)\b")
PURE = {"features"}

LINK_LINE = re.compile(r"keyfold_library\(\s*(\w+)\s+LINKS\s+([^)]*)\)")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_TEXT = re.compile(r'//.*|"(?:\\.|[^"\\])*"')


def link_lines(tree):
    """Folder -> everything it links, directly or through other folders."""
    with open(os.path.join(tree, "CMakeLists.txt")) as f:
        direct = {m[1]: set(m[2].split()) for m in LINK_LINE.finditer(f.read())}

    def reach(folder):
        found = set(direct[folder])
        for target in direct[folder]:
            if target.startswith("keyfold::"):
                found |= reach(target.removeprefix("keyfold::"))
        return found

    return {folder: reach(folder) for folder in direct}


def sources(tree, folder):
    for where, _, names in sorted(os.walk(os.path.join(tree, folder))):
        for name in sorted(names):
            if name.endswith((".hpp", ".cpp", ".h")):
                yield os.path.join(where, name)


def of_own_folder(header, folder, links, tree):
    other = header.split("/")[0]
    if not os.path.exists(os.path.join(tree, header)):
        return f'"{header}" is no file of this project, seen from its top folder'
    if other != folder and f"keyfold::{other}" not in links:
        return f'{folder}/ may not include "{header}": its link line in CMakeLists.txt has no keyfold::{other}'
    return None


def of_library(header, folder, links):
    if folder in PURE and IMPURE_HEADERS.match(header):
        return f"{folder}/ is pure and may not include <{header}>: no thread, clock, or input and output"
    allowed = any(header.startswith(x) and folder in folders for x, folders in HEADER_ONLY.items())
    for beginning, target in LIBRARIES.items():
        if header.startswith(beginning) and target not in links and not allowed:
            return f"{folder}/ may not include <{header}>: its link line in CMakeLists.txt has no {target}"
    for beginning, folders in HEADER_ONLY.items():
        if header.startswith(beginning) and folder not in folders:
            return f"{folder}/ may not include <{header}>: tests/layers/layers.py allows it to {', '.join(sorted(folders))}"
    known = [*LIBRARIES, *HEADER_ONLY]
    if "/" in header and not header.startswith((*known, "sys/", "netinet/", "arpa/")):
        return f"<{header}> is of a library that tests/layers/layers.py does not know: add it there, to say who may use it"
    return None


def violations(tree):
    for folder, links in link_lines(tree).items():
        for path in sources(tree, folder):
            with open(path) as f:
                lines = f.read().splitlines()
            for number, line in enumerate(lines, 1):
                include = INCLUDE.match(line)
                if include and include[1] == '"':
                    problem = of_own_folder(include[2], folder, links, tree)
                elif include:
                    problem = of_library(include[2], folder, links)
                else:
                    word = IMPURE_WORDS.search(COMMENT_OR_TEXT.sub("", line)) if folder in PURE else None
                    problem = word and f"{folder}/ is pure and may not use {word[0]}"
                if problem:
                    yield f"{os.path.relpath(path, tree)}:{number}: {problem}"


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    found = list(violations(tree))
    print("\n".join(found) if found else "every include obeys the link lines")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
