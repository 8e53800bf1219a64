"""What a user of Feast's SDK does, against the server of run.py: run by it, in an environment that has the SDK.

    sdk.py http://HOST:PORT

Prints a line `ok NAME` or `FAILED NAME: reason` for each test.
"""

import datetime
import sys
import tempfile
import traceback
import warnings

warnings.simplefilter("ignore")

import pandas  # noqa: E402
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource  # noqa: E402
from feast.errors import (  # noqa: E402
    FeatureServiceNotFoundException,
    FeatureViewNotFoundException,
    RequestDataNotFoundInEntityRowsException,
)
from feast.infra.online_stores.remote import RemoteOnlineStoreConfig  # noqa: E402
from feast.repo_config import RegistryConfig, RepoConfig  # noqa: E402
from feast.types import Float64, Int64  # noqa: E402
from feast.value_type import ValueType  # noqa: E402

DECAY = "36500d"
WHEN = datetime.datetime(2026, 11, 21, 1, 47, 46, 424758, tzinfo=datetime.timezone.utc)
STATUSES = {0: "INVALID", 1: "PRESENT", 2: "NULL_VALUE", 3: "NOT_FOUND", 4: "OUTSIDE_MAX_AGE"}


def store_of(base, directory):
    return FeatureStore(config=RepoConfig(
        project="demo", provider="local", registry=RegistryConfig(path=f"{directory}/registry.db"),
        online_store=RemoteOnlineStoreConfig(type="remote", path=base), entity_key_serialization_version=3))


def read(store, features, rows, **options):
    return store.get_online_features(features=features, entity_rows=rows, **options)


def statuses(answer, name):
    names = list(answer.proto.metadata.feature_names.val)
    return [STATUSES[x] for x in answer.proto.results[names.index(name)].statuses]


F0, F1, F2 = (f"user_stats:f{i}_{DECAY}" for i in range(3))


def single(store):
    values = read(store, [F0, F1, F2], [{"user_id": 1}]).to_dict()
    assert values == {"user_id": [1], f"f0_{DECAY}": [1.0], f"f1_{DECAY}": [1.5], f"f2_{DECAY}": [2.0]}, values


def many(store):
    answer = read(store, [F0, F1], [{"user_id": x} for x in (3, 1, 2, 1)])
    assert answer.to_dict()[f"f0_{DECAY}"] == [3.0, 1.0, 2.0, 1.0], answer.to_dict()
    assert list(answer.to_df()[f"f1_{DECAY}"]) == [3.5, 1.5, 2.5, 1.5]


def hundred(store):
    answer = read(store, [f"user_stats:f{i}_{DECAY}" for i in range(10)], [{"user_id": x} for x in range(100)])
    assert len(answer.to_dict()[f"f9_{DECAY}"]) == 100


def columnar(store):
    values = read(store, [F0], {"user_id": [1, 2]}).to_dict()
    assert values[f"f0_{DECAY}"] == [1.0, 2.0], values


def missing(store):
    answer = read(store, [F0], [{"user_id": 1}, {"user_id": 999}])
    assert answer.to_dict()[f"f0_{DECAY}"] == [1.0, None], answer.to_dict()
    assert statuses(answer, f"f0_{DECAY}") == ["PRESENT", "NOT_FOUND"]


def expired(base, directory):
    # The moment to read at is part of the address: long after the value's time to live.
    store = store_of(f"{base}/as_of/2036-01-01T00:00:00Z", directory)
    answer = read(store, [f"ttl_fv:v_{DECAY}", F0], [{"user_id": 1}, {"user_id": 999}])
    assert statuses(answer, f"v_{DECAY}") == ["OUTSIDE_MAX_AGE", "NOT_FOUND"], answer.proto
    assert statuses(answer, f"f0_{DECAY}") == ["PRESENT", "NOT_FOUND"], answer.proto


def composite(store):
    values = read(store, [f"pair_fv:cnt_{DECAY}", f"pair_fv:amt_{DECAY}"],
                  [{"user_id": 1, "merchant_id": "a"}, {"user_id": 1, "merchant_id": "zz"}]).to_dict()
    assert values[f"cnt_{DECAY}"] == [1.0, None] and values[f"amt_{DECAY}"] == [0.1, None], values


def two_entities(store):
    values = read(store, [F0, f"pair_fv:amt_{DECAY}"], [{"user_id": 1, "merchant_id": "b"}]).to_dict()
    assert values[f"f0_{DECAY}"] == [1.0] and values[f"amt_{DECAY}"] == [0.2], values


def integer_for_string_key(store):
    values = read(store, [f"str_fv:score_{DECAY}"], [{"merchant_id": 1}]).to_dict()
    assert values[f"score_{DECAY}"] == [0.5], values


def full_names(store):
    values = read(store, [F0, F1], [{"user_id": 2}], full_feature_names=True).to_dict()
    assert values == {"user_id": [2], f"user_stats__f0_{DECAY}": [2.0], f"user_stats__f1_{DECAY}": [2.5]}, values


def service(store):
    values = read(store, FeatureService(name="user_svc", features=[]), [{"user_id": 1}]).to_dict()
    assert values == {"user_id": [1], f"f1_{DECAY}": [1.5], f"f2_{DECAY}": [2.0], f"f0_{DECAY}": [1.0]}, values


# What an on-demand view takes from the request travels beside the join keys, a value a row. JSON has no moments: they are RFC 3339.
ASKED = {"price": 2.5, "rounds": 2, "gift": True, "note": "for ann", "at": "2024-02-10T22:53:24Z"}


def on_demand(store):
    answer = read(store, ["worth:total", "worth:label", F0, "worth:hour"],
                  [{"user_id": 1, **ASKED}, {"user_id": 2, **ASKED, "price": 10.0, "gift": False}])
    assert answer.to_dict() == {"user_id": [1, 2], "total": [5.0, 40.0], "label": ["for ann", "no gift"], "hour": [22, 22],
                                f"f0_{DECAY}": [1.0, 2.0]}, answer.to_dict()
    assert statuses(answer, "total") == ["PRESENT", "PRESENT"]
    assert list(answer.to_df()["total"]) == [5.0, 40.0]


def on_demand_columnar(store):
    values = read(store, ["worth:total"], {"user_id": [1, 2], **{name: [x, x] for name, x in ASKED.items()}}).to_dict()
    assert values == {"user_id": [1, 2], "total": [5.0, 10.0]}, values


def on_demand_without_request_data(store):
    answer = read(store, ["rates:share"], [{"user_id": 1}, {"user_id": 999}])
    assert answer.to_dict() == {"user_id": [1, 999], "share": [0.4, None]}, answer.to_dict()
    assert statuses(answer, "share") == ["PRESENT", "NOT_FOUND"]


def on_demand_nulls(store):
    answer = read(store, ["worth:total", "worth:label"], [{"user_id": 1, **ASKED, "price": None}, {"user_id": 999, **ASKED}])
    assert answer.to_dict()["total"] == [None, None], answer.to_dict()
    assert statuses(answer, "total") == ["NULL_VALUE", "NOT_FOUND"], answer.proto
    assert answer.to_dict()["label"] == ["for ann", "for ann"], answer.to_dict()


def on_demand_service(store):
    row = {"user_id": 2, **ASKED}
    values = read(store, FeatureService(name="priced_svc", features=[]), [row]).to_dict()
    assert values == {"user_id": [2], f"f0_{DECAY}": [2.0], "total": [10.0], "share": [2 / 4.5]}, values
    values = read(store, FeatureService(name="priced_svc", features=[]), [row], full_feature_names=True).to_dict()
    assert values == {"user_id": [2], f"user_stats__f0_{DECAY}": [2.0], "worth__total": [10.0], "rates__share": [2 / 4.5]}, values


def request_data_missing(store):
    row = {"user_id": 1, **ASKED}
    del row["price"]
    try:
        read(store, ["worth:total"], [row])
    except RequestDataNotFoundInEntityRowsException as problem:
        assert "price" in str(problem), problem
    else:
        raise AssertionError("no exception")


def request_data_of_another_type(store):
    try:
        read(store, ["worth:total"], [{"user_id": 1, **ASKED, "price": "much"}])
    except Exception as problem:
        assert "price: row 0 of entities is no double" in str(problem), problem
    else:
        raise AssertionError("no exception")


def moments_as_objects(store):
    """What the SDK cannot carry: its remote client writes JSON, and a datetime is none."""
    try:
        read(store, ["worth:hour"], [{"user_id": 1, **ASKED, "at": WHEN}])
    except TypeError as problem:
        assert "JSON" in str(problem), problem
    else:
        raise AssertionError("the SDK can: say so in docs/http.md")


def unknown_view(store):
    try:
        read(store, ["nope:f"], [{"user_id": 1}])
    except FeatureViewNotFoundException as problem:
        assert "nope" in str(problem), problem
    else:
        raise AssertionError("no exception")


def unknown_service(store):
    try:
        read(store, FeatureService(name="nope", features=[]), [{"user_id": 1}])
    except FeatureServiceNotFoundException as problem:
        assert "nope" in str(problem), problem
    else:
        raise AssertionError("no exception")


def wrong_key(store):
    try:
        read(store, [F0], [{"user_id": "abc"}])
    except Exception as problem:
        assert "int64" in str(problem), problem
    else:
        raise AssertionError("no exception")


def row(user, value):
    return pandas.DataFrame({"user_id": [user], **{f"f{i}": [value + i] for i in range(10)},
                             "event_timestamp": [WHEN], "created": [WHEN]})


def with_definitions(store, directory):
    """Applies the view, as writes need it locally."""
    source = FileSource(name="file", path=f"{directory}/none.parquet", timestamp_field="event_timestamp", created_timestamp_column="created")
    view = FeatureView(name="user_stats", entities=[Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)],
                       schema=[Field(name="user_id", dtype=Int64), *(Field(name=f"f{i}", dtype=Float64) for i in range(10))],
                       source=PushSource(name="user_push", batch_source=source), ttl=datetime.timedelta(0))
    store.apply([Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64), view])


def written(store):
    store.write_to_online_store("user_stats", row(60, 0.5))
    assert read(store, [F0, F2], [{"user_id": 60}]).to_dict()[f"f2_{DECAY}"] == [2.5]


def pushed(store):
    store.push("user_push", row(61, 7.0))
    assert read(store, [F0], [{"user_id": 61}]).to_dict()[f"f0_{DECAY}"] == [7.0]


def check(name, test, *arguments):
    try:
        test(*arguments)
        print(f"ok      SDK: {name}", flush=True)
    except Exception as problem:  # a failed assertion, or whatever the SDK raises
        where = traceback.extract_tb(problem.__traceback__)[-1]
        print(f"FAILED  SDK: {name}: {type(problem).__name__}: {str(problem)[:500]} ({where.name}:{where.lineno})", flush=True)


def main():
    base = sys.argv[1]
    with tempfile.TemporaryDirectory() as directory:
        store = store_of(base, directory)
        for test in (single, many, hundred, columnar, missing, composite, two_entities, integer_for_string_key, full_names, service,
                     on_demand, on_demand_columnar, on_demand_without_request_data, on_demand_nulls, on_demand_service,
                     request_data_missing, request_data_of_another_type, moments_as_objects, unknown_view, unknown_service, wrong_key):
            check(test.__name__.replace("_", " "), test, store)
        check("expired", expired, base, directory)
        with_definitions(store, directory)
        check("write_to_online_store", written, store)
        check("push", pushed, store)


if __name__ == "__main__":
    main()
