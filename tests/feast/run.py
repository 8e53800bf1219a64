#!/usr/bin/env python3
"""keyfold as Feast's feature server: the unmodified SDK from PyPI as its remote client, and the recorded exchanges replayed.

    run.py KEYFOLD

The SDK is installed into a virtual environment below build/ (or $KEYFOLD_BUILD); where pip cannot get it, its tests are skipped
with the reason. Ends with `N passed, N failed, N skipped`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
import stack  # noqa: E402

SDK = "feast==0.67.*"
DECAY = "36500d"  # of the definition: what a feature's name ends in
WHEN = "2026-11-21T01:47:46.424758"


class Results:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, test, *arguments):
        try:
            test(*arguments)
            self.passed += 1
            print(f"ok      {name}", flush=True)
        except Exception as problem:  # a failed assertion, or whatever else went wrong
            self.failed += 1
            print(f"FAILED  {name}: {type(problem).__name__}: {problem}", flush=True)

    def skip(self, what, reason):
        self.skipped += 1
        print(f"skipped: {what}: {reason}", flush=True)


def post(client, path, body, content_type="application/json"):
    """Status and parsed body of a POST; a text is sent as it is."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(client.base + path, data, {"Content-Type": content_type} if content_type else {})
    if content_type is None:
        request.add_unredirected_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as refusal:
        text, status = refusal.read().decode(), refusal.code
    return status, json.loads(text) if text else ""


# --- the recorded exchanges ----------------------------------------------------------------------------------------------------

VIEWS = {"user_stats": {f"f{i}" for i in range(10)}, "pair_fv": {"cnt", "amt"}, "str_fv": {"score"}, "ttl_fv": {"v"}}
SERVICES = {"user_svc10"}  # user_svc has an on-demand view as well
# Where keyfold answers better than Feast's server did when recorded: the caller's mistakes are 4xx, not 500, and a body without
# Content-Type is read.
OWN_STATUS = {500: {404, 422}}


def ours(reference):
    """Our name of a recorded feature reference; None if there is no such view or feature here on purpose."""
    view, _, name = reference.partition(":")
    if view not in VIEWS:
        return reference if view == "nope" else None
    return f"{view}:{name}_{DECAY}" if name in VIEWS[view] else reference


def translated(request):
    """The recorded request with our names, or None where it is about what keyfold does not have: on-demand views, documents."""
    if not isinstance(request, dict):
        return request
    request = dict(request)
    if "features" in request:
        request["features"] = [ours(x) for x in request["features"]]
        if None in request["features"]:
            return None
    if request.get("feature_service", "nope") not in SERVICES | {"nope"}:
        return None
    return request


def replay(client, exchange, request):
    path = exchange["path"]
    content_type = None if exchange["label"].startswith(("sdk054", "http_no_content")) else "application/json"
    if exchange["method"] == "GET":
        status, text = client.get(path)
        assert status == exchange["status"], f"{status} instead of {exchange['status']}: {text}"
        return
    status, body = post(client, path, request, content_type)
    recorded = exchange["status"]
    if content_type is None and isinstance(request, dict):
        complete = "merchant_id" in request["entities"] or not any("pair_fv" in x for x in request["features"])
        assert status == (200 if complete else 422), f"{status}: {body}"
        return
    assert status == recorded or status in OWN_STATUS.get(recorded, ()), f"{status} instead of {recorded}: {body}"
    if status != 200:
        # A JSON string that holds {module, class, message}, or FastAPI's detail.
        inner = json.loads(body) if isinstance(body, str) else body
        assert {"module", "class", "message"} <= set(inner) or "detail" in inner, body
        if recorded == status and isinstance(exchange["response"], str):
            assert inner["class"] == json.loads(exchange["response"])["class"], body
    elif path == "/get-online-features":
        check_columns(body, exchange["response"], request)


def check_columns(body, recorded, request):
    names = body["metadata"]["feature_names"]
    suffix = "_" + DECAY
    assert sorted(x[:-len(suffix)] if x.endswith(suffix) else x for x in names) == sorted(recorded["metadata"]["feature_names"]), names
    assert set(body) == set(recorded) and set(body["metadata"]) == set(recorded["metadata"]), body
    rows = len(next(iter(request["entities"].values())))
    for name, column, theirs in zip(names, body["results"], recorded["results"]):
        assert set(column) == set(theirs), column
        assert all(len(x) == rows for x in column.values()), column
        assert set(column["statuses"]) <= {"PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"}, column
        for value, status in zip(column["values"], column["statuses"]):
            assert (value is None) == (status in ("NULL_VALUE", "NOT_FOUND")) or status == "OUTSIDE_MAX_AGE", (name, column)
    keys = [x for x in request["entities"] if x in names]
    assert names[:len(keys)] == keys or set(names[:len(keys)]) == set(keys), names


def replay_all(results, client):
    with open(os.path.join(HERE, "exchanges.json")) as f:
        exchanges = json.load(f)
    left_out = 0
    for exchange in exchanges:
        request = translated(exchange["request"])
        written = isinstance(request, dict) and request.get("feature_view_name", request.get("push_source_name"))
        # What has no counterpart here: documents, typed stores, columns that Feast's schema wants and a stream does not.
        if request is None or exchange["path"] in ("/search", "/retrieve-online-documents") \
                or (written and written not in {*VIEWS, "nope"}) or "null_f2" in exchange["label"]:
            left_out += 1
            continue
        results.check(f"exchange {exchange['label']}", replay, client, exchange, request)
    print(f"{left_out} exchanges are about what keyfold does not have", flush=True)


# --- plain HTTP ----------------------------------------------------------------------------------------------------------------

def write_rows(client):
    """The rows that the reads below are about."""
    def write(stream, **columns):
        rows = len(next(iter(columns.values())))
        status, body = post(client, "/write-to-online-store",
                            {"feature_view_name": stream, "df": {"event_timestamp": [WHEN] * rows, **columns}})
        assert status == 200 and body is None, (status, body)
    write("user_stats", user_id=[1, 2, 3], **{f"f{i}": [1 + i / 2, 2 + i / 2, 3 + i / 2] for i in range(10)})
    write("pair_fv", user_id=[1, 1], merchant_id=["a", "b"], cnt=[1, 2], amt=[0.1, 0.2])
    write("str_fv", merchant_id=["m1", "1"], score=[0.25, 0.5])
    write("ttl_fv", user_id=[1], v=[7])


def pushed(client):
    status, body = post(client, "/push", {"push_source_name": "ttl_fv", "to": "online",
                                          "df": {"user_id": [20, 21], "v": [5, 6], "event_timestamp": [WHEN + "Z"] * 2}})
    assert status == 200 and body["accepted"] == 2, (status, body)
    status, body = post(client, "/get-online-features", {"features": ["ttl_fv:v_" + DECAY], "entities": {"user_id": [20, 21]}})
    assert body["results"][1]["values"] == [5.0, 6.0], body


def expired_is_told(client):
    status, body = post(client, "/get-online-features?as_of=2036-01-01T00:00:00Z",
                        {"features": ["ttl_fv:v_" + DECAY], "entities": {"user_id": [1, 999]}})
    assert body["results"][1]["statuses"] == ["OUTSIDE_MAX_AGE", "NOT_FOUND"], body


# --- the SDK -------------------------------------------------------------------------------------------------------------------

def sdk_python():
    """The interpreter of an environment that has the SDK; raises RuntimeError with the reason."""
    build = os.environ.get("KEYFOLD_BUILD", os.path.join(HERE, "../../build"))
    python = os.path.join(build, "feast/bin/python")
    if os.path.exists(python) and subprocess.run([python, "-c", "import feast"], capture_output=True).returncode == 0:
        return python
    for command in ([sys.executable, "-m", "venv", os.path.join(build, "feast")],
                    [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", SDK]):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as problem:
            raise RuntimeError(str(problem)) from None
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    return python


def sdk_tests(results, client):
    try:
        python = sdk_python()
    except RuntimeError as reason:
        results.skip("the Feast SDK", f"pip could not install {SDK}: {reason}")
        return
    done = subprocess.run([python, os.path.join(HERE, "sdk.py"), client.base], capture_output=True, text=True,
                          env={**os.environ, "FEAST_USAGE": "False"})
    for line in done.stdout.splitlines():
        print(line, flush=True)
        results.passed += line.startswith("ok ")
        results.failed += line.startswith("FAILED ")
    if done.returncode:
        results.failed += 1
        print(f"FAILED  sdk.py ended with status {done.returncode}:\n{done.stderr[-3000:]}", flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    results = Results()
    with tempfile.TemporaryDirectory(prefix="keyfold-feast-") as directory:
        client = stack.Client(stack.free_port())
        with stack.Keyfold(sys.argv[1], os.path.join(HERE, "definition.json"), log=os.path.join(directory, "log"),
                           PORT=client.base.rpartition(":")[2], STORE=os.path.join(directory, "ledger.db")) as keyfold:
            try:
                keyfold.wait_until(client.ready, 30, "answer to /ready")
                results.check("rows are written", write_rows, client)
                results.check("rows are pushed", pushed, client)
                results.check("an expired value is told from a missing one", expired_is_told, client)
                begun = time.monotonic()
                sdk_tests(results, client)
                print(f"the SDK's part took {time.monotonic() - begun:.0f} s", flush=True)
                replay_all(results, client)  # last: what it writes adds to the sums
            finally:
                if results.failed:
                    print(keyfold.tail(), flush=True)
    print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
    sys.exit(results.failed != 0)


if __name__ == "__main__":
    main()
