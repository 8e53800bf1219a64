"""Checks the monitoring of the running example: a real Prometheus with monitoring/prometheus.yml scrapes it, and all that the Grafana
dashboard asks for is there."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import stack
from example import Comparison

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitoring")
DASHBOARD = os.path.join(HERE, "grafana/dashboards/checkout-attribution.json")
DATASOURCE = "${datasource}"  # the dashboard's variable
SUFFIXES = ("_bucket", "_sum", "_count")


def expressions(dashboard):
    """(title of the panel, PromQL) of all panels."""
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]


def metrics_of(expression):
    return set(re.findall(r"\b(?:keyfold|process)_[a-z0-9_]+", expression))


def check_dashboard(comparison, dashboard, exposition):
    families = set(re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE))
    comparison.value("uid of the dashboard", dashboard["uid"], "keyfold-checkout-attribution")
    variables = [x["name"] for x in dashboard["templating"]["list"] if x["type"] == "datasource"]
    comparison.value("variable of the datasource", variables, ["datasource"])
    for panel in dashboard["panels"]:
        comparison.value(f"datasource of `{panel['title']}`", panel["datasource"]["uid"], DATASOURCE)
    for title, expression in expressions(dashboard):
        for metric in metrics_of(expression):
            family = next((metric.removesuffix(x) for x in SUFFIXES if metric.endswith(x)), metric)
            comparison.value(f"panel `{title}`: {metric} on /metrics", metric in families or family in families, True)


def check_rules(comparison, dashboard, directory):
    """Each expression as a recording rule, which promtool judges."""
    rules = [{"record": f"panel:{n}", "expr": expression} for n, (_, expression) in enumerate(expressions(dashboard))]
    path = os.path.join(directory, "rules.yml")
    with open(path, "w") as f:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, f)  # JSON is YAML
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True)
    comparison.value("promtool check rules", (done.returncode, done.stdout.count(f"{len(rules)} rules found")), (0, 1))


def query(port, expression):
    """The values of an instant query."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return [float(x["value"][1]) for x in json.load(answer)["data"]["result"]]
    except (OSError, ValueError):
        return []


def check_scrape(comparison, dashboard, example, directory):
    with open(os.path.join(HERE, "prometheus.yml")) as f:
        settings = f.read()
    comparison.value("promtool check config", subprocess.run(["promtool", "check", "config", os.path.join(HERE, "prometheus.yml")],
                                                             capture_output=True).returncode, 0)
    path, port = os.path.join(directory, "prometheus.yml"), stack.free_port()
    with open(path, "w") as f:  # as it is, but for keyfold's port and the patience of a test
        f.write(settings.replace("localhost:8080", example.client.base.removeprefix("http://")).replace("scrape_interval: 5s", "scrape_interval: 1s"))
    with open(os.path.join(directory, "prometheus.log"), "w") as log, \
            subprocess.Popen(["prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory}/prometheus",
                              f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log) as prometheus:
        try:
            comparison.eventually("up", lambda: query(port, 'up{job="keyfold"}'), [1.0], 30)
            time.sleep(3)  # two scrapes more, for rates
            for title, expression in expressions(dashboard):
                comparison.eventually(f"panel `{title}` has values of {expression}", lambda: bool(query(port, expression)), True, 10)  # noqa: B023
        finally:
            prometheus.terminate()


def check(example, directory):
    """Of the example that is being served; the number of differences."""
    comparison = Comparison("metrics, dashboard and Prometheus")
    with open(DASHBOARD) as f:
        dashboard = json.load(f)
    check_dashboard(comparison, dashboard, example.client.get("/metrics")[1])
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        print("skipped: Prometheus is not installed (package prometheus): its scrape and the PromQL of the dashboard", flush=True)
    else:
        check_rules(comparison, dashboard, directory)
        check_scrape(comparison, dashboard, example, directory)
    return comparison.report()
