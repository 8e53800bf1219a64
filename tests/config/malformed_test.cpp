#include "definitions.hpp"

#include <catch2/catch.hpp>

#include <vector>

namespace keyfold::config {

namespace {

/// A definition with a fault, and all that is said of it.
struct malformed {
  const char* title;
  const char* what; ///< in `small_definition`; null: `with` is the whole text
  const char* with;
  const char* messages;
};

// clang-format off
const std::vector<malformed> malformed_definitions = {
    {"a text that is not JSON", nullptr, R"x({
  "application" "x"
})x",
     R"x(d.json:2:19: this is not JSON: while parsing object separator - unexpected string literal; expected ':')x"},
    {"a text that ends early", nullptr, R"x({"application": "x")x",
     R"x(d.json:1:20: this is not JSON: while parsing object - unexpected end of input; expected '}')x"},
    {"an empty text", nullptr, R"x()x",
     R"x(d.json:1:1: this is not JSON: while parsing value - unexpected end of input; expected '[', '{', or a literal)x"},
    {"a value after the end", nullptr, R"x({} {})x",
     R"x(d.json:1:4: this is not JSON: while parsing value - unexpected '{'; expected end of input)x"},
    {"a definition that is no object", nullptr, R"x([1])x",
     R"x(d.json:1:1: a definition must be an object)x"},
    {"a definition without its keys", nullptr, R"x({})x",
     R"x(d.json:1:1: a definition needs the key `application`
d.json:1:1: a definition needs the key `streams`)x"},
    {"an object with a key twice", R"x("key": ["userId"]})x", R"x("key": ["userId"], "key": ["note"]})x",
     R"x(d.json:14:52: the key `key` is here twice; the first is in line 14, column 33)x"},
    {"an unknown key with a near one", R"x("time_constants")x", R"x("time_constnats")x",
     R"x(d.json:18:5: unknown key `time_constnats`: did you mean `time_constants`?)x"},
    {"an unknown key with no near one", R"x("serving": {)x", R"x("serving": {"colour": 1, )x",
     R"x(d.json:24:15: unknown key `colour`; the keys here are `address`, `body_timeout`, `drain_timeout`, `enabled`, `header_timeout`, `idle_timeout`, `max_body`, `max_connections`, `max_connections_per_address`, `max_keys_per_request`, `metrics_address`, `metrics_port`, `port`, `threads`, `tls_certificate`, `tls_key`, `tokens_file` and `write_timeout`)x"},
    {"several unknown keys", R"x("ledger": {"path")x", R"x("ledger": {"pth": 1, "epoch_intervall": "1s", "path")x",
     R"x(d.json:25:14: unknown key `pth`: did you mean `path`?
d.json:25:24: unknown key `epoch_intervall`: did you mean `epoch_interval`?)x"},
    {"an unknown key at the top", R"x("services")x", R"x("servces")x",
     R"x(d.json:22:3: unknown key `servces`: did you mean `services`?)x"},
    {"a wrong type", R"x("port": 8080)x", R"x("port": "high")x",
     R"x(d.json:24:23: `port` must be a whole number)x"},
    {"a number with a fraction for a whole one", R"x("port": 8080)x", R"x("port": 80.5)x",
     R"x(d.json:24:23: `port` must be a whole number)x"},
    {"a port out of range", R"x("port": 8080)x", R"x("port": 65536)x",
     R"x(d.json:24:23: `port` must be from 0 to 65535)x"},
    {"a negative number", R"x("port": 8080)x", R"x("threads": -1)x",
     R"x(d.json:24:26: `threads` must be from 1 to 256)x"},
    {"an item of the wrong type", R"x("topics": ["w1"])x", R"x("topics": ["w1", 7])x",
     R"x(d.json:5:79: every item of `topics` must be a string)x"},
    {"a choice that is none, with a near one", R"x("type": "kafka")x", R"x("type": "kafak")x",
     R"x(d.json:5:24: `type` must be `kafka`, `file`, `stdin` or `http_push`, not `kafak`: did you mean `kafka`?)x"},
    {"a choice that is none, with no near one", R"x("function": "count")x", R"x("function": "median")x",
     R"x(d.json:19:48: `function` must be `count`, `sum` or `distinct`, not `median`)x"},
    {"a view of an unknown kind", R"x("decayed_counters")x", R"x("decayed_counter")x",
     R"x(d.json:16:33: `type` must be `decayed_counters`, not `decayed_counter`)x"},
    {"a missing key", R"x("brokers": "localhost:9092", )x", R"x()x",
     R"x(d.json:5:15: `source` needs the key `brokers`)x"},
    {"a missing key of an item", R"x("name": "user", )x", R"x()x",
     R"x(d.json:14:16: this item of `entities` needs the key `name`)x"},
    {"a source without a type", R"x("type": "kafka", )x", R"x()x",
     R"x(d.json:5:15: `source` needs the key `type`)x"},
    {"an empty list", R"x("topics": ["w1"])x", R"x("topics": [])x",
     R"x(d.json:5:72: `topics` must not be empty)x"},
    {"an empty name", R"x("name": "user")x", R"x("name": "")x",
     R"x(d.json:14:25: `name` must not be empty)x"},
    {"a name that is none", R"x("name": "user")x", R"x("name": "1user")x",
     R"x(d.json:14:25: `1user` cannot be a name: begin with a letter or `_` and go on with letters, digits, `_` and `-`
d.json:16:63: none of the entities is called `user`: did you mean `1user`?)x"},
    {"an application that is no name", R"x("application": "counters")x", R"x("application": "my counters")x",
     R"x(d.json:2:18: `my counters` cannot be a name: begin with a letter or `_` and go on with letters, digits, `_` and `-`)x"},
    {"two entities of one name", R"x({"name": "user", "key": ["userId"]})x", R"x({"name": "user", "key": ["userId"]}, {"name": "user", "key": ["note"]})x",
     R"x(d.json:14:62: there are two entities called `user`; rename one)x"},
    {"two outputs of one name", R"x("outputs": [)x", R"x("outputs": [{"name": "changes", "type": "file", "path": "b.jsonl", "views": ["activity"]}, )x",
     R"x(d.json:23:103: there are two outputs called `changes`; rename one)x"},
    {"neither topics nor a pattern", R"x(, "topics": ["w1"])x", R"x()x",
     R"x(d.json:5:15: a Kafka source needs either `topics` or `topic_pattern`)x"},
    {"both topics and a pattern", R"x("topics": ["w1"])x", R"x("topics": ["w1"], "topic_pattern": "w.*")x",
     R"x(d.json:5:15: a Kafka source needs either `topics` or `topic_pattern`)x"},
    {"a topic twice", R"x(["w1"])x", R"x(["w1", "w1"])x",
     R"x(d.json:5:79: the topic `w1` is listed twice)x"},
    {"a start that is no place", R"x("topics": ["w1"])x", R"x("topics": ["w1"], "start": "yesterday")x",
     R"x(d.json:5:89: `yesterday` is no place to start: write `earliest`, `latest` or a time such as `2024-01-01T00:00:00Z`)x"},
    {"a property that the definition owns", R"x("topics": ["w1"])x", R"x("topics": ["w1"], "properties": {"group.id": "g"})x",
     R"x(d.json:5:95: the property `group.id` cannot be passed through: use `group`)x"},
    {"an unknown type", R"x("spent": "int64")x", R"x("spent": "int46")x",
     R"x(d.json:8:63: type `int46` is unknown: use bool, int32, int64, float, double, decimal(p,s), string, bytes, timestamp, list<T> or map<string,T>)x"},
    {"a decimal that cannot be", R"x("spent": "int64")x", R"x("spent": "decimal(40,2)")x",
     R"x(d.json:8:63: type `decimal(40,2)` needs 1 to 18 digits, and no more after the point than in all: use bool, int32, int64, float, double, decimal(p,s), string, bytes, timestamp, list<T> or map<string,T>)x"},
    {"a column that cannot be", R"x("note": "string")x", R"x("a note": "string")x",
     R"x(d.json:8:72: `a note` cannot be a column: begin with a letter or `_` and go on with letters, digits and `_`, at most 200 in all; the name in the record can be given as `path`)x"},
    {"a unit of something without time", R"x("note": "string")x", R"x("note": {"type": "string", "unit": "s"})x",
     R"x(d.json:8:99: `unit` is for timestamps, and this is `string`)x"},
    {"a unit and a format", R"x("unit": "s")x", R"x("unit": "s", "format": "%Y-%m-%d")x",
     R"x(d.json:8:53: give either `unit` or `format`)x"},
    {"a format that cannot be read", R"x("unit": "s")x", R"x("format": "%Q")x",
     R"x(d.json:8:50: timestamp pattern `%Q` is wrong at `%Q`: use the letters of strptime after `%`, or those of Java's DateTimeFormatter)x"},
    {"a path with an empty part", R"x("note": "string")x", R"x("note": {"type": "string", "path": "a..b"})x",
     R"x(d.json:8:107: the path `a..b` has an empty part; a name with a dot is written in an array, ["a.b", "c"])x"},
    {"a nested path in text records", R"x("note": "string"
    },)x", R"x("note": {"type": "string", "path": "a.b"}
    },
    "format": "text",)x",
     R"x(d.json:8:107: only JSON records are nested; here a path is one name)x"},
    {"an event time that is no column", R"x("event_time": "eventTs")x", R"x("event_time": "eventTS")x",
     R"x(d.json:12:19: the stream has no column `eventTS`: did you mean `eventTs`?)x"},
    {"an event time that is no timestamp", R"x("event_time": "eventTs")x", R"x("event_time": "spent")x",
     R"x(d.json:12:19: the event time must be a timestamp, and `spent` is `int64`; declare it as a timestamp with its `unit`)x"},
    {"a stream without a time of its own", R"x("streams": [)x", R"x("streams": [{"name": "spare", "source": {"type": "stdin"}, "fields": {"at": "timestamp"}}, )x",
     R"x(d.json:3:15: records of this source have no time of their own: name a timestamp field as `event_time`)x"},
    {"a duration that is none", R"x("max_delay": "5s")x", R"x("max_delay": "5 seconds")x",
     R"x(d.json:12:43: `5 seconds` is not a duration: write a whole number and one of us, ms, s, m, h, d, e.g. "5s")x"},
    {"a duration that is too long", R"x("max_delay": "5s")x", R"x("max_delay": "40000d")x",
     R"x(d.json:12:43: `40000d` is too long: at most 36525d)x"},
    {"a size that is none", R"x("path": "out.jsonl")x", R"x("path": "out.jsonl", "max_pending": "64 MB")x",
     R"x(d.json:23:87: `64 MB` is not a size: write a whole number of bytes, or with one of KiB, MiB, GiB, TiB, e.g. "64MiB")x"},
    {"a size that is too small", R"x("path": "out.jsonl")x", R"x("path": "out.jsonl", "max_pending": 100)x",
     R"x(d.json:23:87: `max_pending` must be at least 64KiB)x"},
    {"an expression with bad syntax", R"x("spent / 60")x", R"x("spent / / 60")x",
     R"x(d.json:10:37: a value is expected instead of `/`)x"},
    {"an expression with an unknown column", R"x("spent / 60")x", R"x("spend / 60")x",
     R"x(d.json:10:29: column `spend` is unknown: did you mean `spent`)x"},
    {"an expression with types that do not fit", R"x("spent / 60")x", R"x("spent / userId")x",
     R"x(d.json:10:35: cannot compute int64 / string: join texts with ||, or CAST them to a number)x"},
    {"a fault behind escapes", R"x("eventName IS NOT NULL")x", R"x("note = '\"\u00e9\"' AND evntName = 'a'")x",
     R"x(d.json:11:39: column `evntName` is unknown: did you mean `eventName`)x"},
    {"a condition that is none", R"x("eventName IS NOT NULL")x", R"x("spent + 1")x",
     R"x(d.json:11:14: a condition must be true or false, and this is `int64`; compare it with something)x"},
    {"a derived column with a field's name", R"x("minutes":)x", R"x("note":)x",
     R"x(d.json:10:17: there is a field called `note` already; rename one)x"},
    {"a derived column that uses a later one", R"x({"minutes": "spent / 60"})x", R"x({"hours": "minutes / 60", "minutes": "spent / 60"})x",
     R"x(d.json:10:27: column `minutes` is unknown)x"},
    {"an unknown entity", R"x("entity": "user")x", R"x("entity": "users")x",
     R"x(d.json:16:63: none of the entities is called `users`: did you mean `user`?)x"},
    {"an unknown stream", R"x("stream": "events")x", R"x("stream": "clicks")x",
     R"x(d.json:16:81: none of the streams is called `clicks`; the streams here are `events`)x"},
    {"a key column the stream has not", R"x("key": ["userId"]})x", R"x("key": ["userID"]})x",
     R"x(d.json:16:63: the entity `user` is keyed by `userID`, a column that the stream `events` has not; name the one to take in the view's `key`: did you mean `userId`?)x"},
    {"a mapped key column the stream has not", R"x("stream": "events",)x", R"x("stream": "events", "key": {"userId": "usrId"},)x",
     R"x(d.json:16:109: the stream `events` has no column `usrId`: did you mean `userId`?)x"},
    {"a mapped key the entity has not", R"x("stream": "events",)x", R"x("stream": "events", "key": {"user": "userId"},)x",
     R"x(d.json:16:99: the entity `user` has no key field `user`; the key fields here are `userId`)x"},
    {"a key that is a list", R"x("key": ["userId"]})x", R"x("key": ["tags"]})x",
     R"x(d.json:16:63: the entity `user` is keyed by `tags`, which is `list<string>` in the stream `events` and cannot be a key)x"},
    {"a key column twice", R"x("key": ["userId"]})x", R"x("key": ["userId", "userId"]})x",
     R"x(d.json:14:51: the column `userId` is listed twice)x"},
    {"a group column the stream has not", R"x("group_by": ["eventName"])x", R"x("group_by": ["event_name"])x",
     R"x(d.json:17:18: the stream `events` has no column `event_name`: did you mean `eventName`?)x"},
    {"a group of too many values", R"x(["like", "view"])x", R"x([["like", "a"], "view"])x",
     R"x(d.json:17:43: a group here has 1 value, not 2)x"},
    {"a group that its column cannot be", R"x("group_by": ["eventName"])x", R"x("group_by": ["spent"])x",
     R"x(d.json:17:39: `like` is no group: its columns are `int64`
d.json:17:47: `view` is no group: its columns are `int64`)x"},
    {"a group twice", R"x(["like", "view"])x", R"x(["like", "view", "like"])x",
     R"x(d.json:17:59: the group `like` is listed twice)x"},
    {"groups without columns", R"x("group_by": ["eventName"], )x", R"x()x",
     R"x(d.json:17:15: `groups` needs `group_by`, the columns whose values these are)x"},
    {"counts without a decay", R"x("time_constants": ["5s", "10s"],)x", R"x()x",
     R"x(d.json:15:13: counts and sums need `time_constants` or `half_lives` to decay by)x"},
    {"a decay twice", R"x(["5s", "10s"])x", R"x(["5s", "5s"])x",
     R"x(d.json:18:30: `5s` is listed twice)x"},
    {"a decay of nothing", R"x(["5s", "10s"])x", R"x(["0s"])x",
     R"x(d.json:18:24: a decay must be longer than 0)x"},
    {"a sum without an expression", R"x("function": "count")x", R"x("function": "sum")x",
     R"x(d.json:19:18: a sum needs an `expression`)x"},
    {"a sum of texts", R"x("function": "count")x", R"x("function": "sum", "expression": "note")x",
     R"x(d.json:19:69: a sum needs a number, and this is `string`)x"},
    {"a count with an expression", R"x("function": "count")x", R"x("function": "count", "expression": "spent")x",
     R"x(d.json:19:71: a count has no expression; count some rows only with `where`, or sum a CASE)x"},
    {"a measure twice", R"x([{"name": "count", "function": "count"}])x", R"x([{"name": "count", "function": "count"}, {"name": "count", "function": "count"}])x",
     R"x(d.json:19:67: there are two measures called `count`; rename one)x"},
    {"a ratio of an unknown group", R"x("like.count")x", R"x("lke.count")x",
     R"x(d.json:20:55: the view has no group `lke`: did you mean `like`?)x"},
    {"a ratio of an unknown measure", R"x("view.count")x", R"x("view.cuont")x",
     R"x(d.json:20:84: the view has no measure `cuont`: did you mean `count`?)x"},
    {"a ratio without a group", R"x("view.count")x", R"x("count")x",
     R"x(d.json:20:84: name a group and a measure, e.g. `like.count`)x"},
    {"a feature that is none", R"x("activity:*")x", R"x("activity")x",
     R"x(d.json:22:48: `activity` is no feature: write `view:feature`, or `view:*` for all of a view)x"},
    {"a feature of an unknown view", R"x("activity:*")x", R"x("activty:*")x",
     R"x(d.json:22:48: none of the views is called `activty`: did you mean `activity`?)x"},
    {"an unknown feature", R"x("activity:*")x", R"x("activity:like_cuont_5s")x",
     R"x(d.json:22:48: the view `activity` has no feature `like_cuont_5s`: did you mean `like_count_5s`?)x"},
    {"all features of an open view", R"x(, "groups": ["like", "view"])x", R"x()x",
     R"x(d.json:22:48: the view `activity` has an open set of groups, so its features must be named one by one, or its `groups` listed)x"},
    {"an output of an unknown view", R"x("views": ["activity"])x", R"x("views": ["activities"])x",
     R"x(d.json:23:82: none of the views is called `activities`: did you mean `activity`?)x"},
    {"an output of nothing", R"x("views": ["activity"])x", R"x("views": [])x",
     R"x(d.json:23:81: `views` must not be empty)x"},
    {"two outputs to one file", R"x("outputs": [)x", R"x("outputs": [{"name": "more", "type": "file", "path": "out.jsonl", "views": ["activity"]}, )x",
     R"x(d.json:23:137: two outputs write to the file `out.jsonl`; give each its own)x"},
    {"two outputs to one topic", R"x("outputs": [)x", R"x("outputs": [{"name": "a", "type": "kafka", "brokers": "b:1", "topic": "t", "views": ["activity"]}, {"name": "b", "type": "kafka", "brokers": "b:1", "topic": "t", "views": ["activity"]}, )x",
     R"x(d.json:23:160: two outputs write to the topic `t`; give each its own, since their keys could be the same)x"},
    {"two outputs of one transaction", R"x("outputs": [)x", R"x("outputs": [{"name": "a", "type": "kafka", "brokers": "b:1", "topic": "t", "views": ["activity"]}, {"name": "b", "type": "kafka", "brokers": "b:1", "topic": "u", "transactional_id": "counters-a", "views": ["activity"]}, )x",
     R"x(d.json:23:185: two outputs have the transactional id `counters-a`, so each would fence the other off; give each its own)x"},
    {"an output to its own input", R"x("outputs": [)x", R"x("outputs": [{"name": "a", "type": "kafka", "brokers": "localhost:9092", "topic": "w1", "views": ["activity"]}, )x",
     R"x(d.json:23:84: the stream `events` reads the topic `w1`, so this would feed on itself)x"},
    {"a stream that nothing reads", R"x("streams": [)x", R"x("streams": [{"name": "spare", "source": {"type": "stdin"}, "fields": {"at": "timestamp"}, "event_time": "at"}, )x",
     R"x(d.json:3:24: no view is over the stream `spare`; add one to `views` or remove the stream)x"},
    {"an entity that nothing is about", R"x("entities": [)x", R"x("entities": [{"name": "post", "key": ["postId"]}, )x",
     R"x(d.json:14:25: no view is about the entity `post`; add one to `views` or remove the entity)x"},
    {"half of a TLS setting", R"x("port": 8080)x", R"x("tls_key": "key.pem")x",
     R"x(d.json:24:14: HTTPS needs both `tls_certificate` and `tls_key`)x"},
    {"epochs longer than their bound", R"x("path": "state/keyfold.db")x", R"x("path": "state/keyfold.db", "epoch_interval": "20s")x",
     R"x(d.json:25:60: `epoch_interval` must not be longer than `max_epoch_interval`, which is 10000ms)x"},
    {"an unset variable", R"x("localhost:9092")x", R"x("localhost:${KAFKA_PORT}")x",
     R"x(d.json:5:55: the environment variable `KAFKA_PORT` is not set; set it or write `${KAFKA_PORT:-default}`)x"},
    {"a variable without its end", R"x("localhost:9092")x", R"x("localhost:${PORT")x",
     R"x(d.json:5:55: `${` without `}`; write `$${` for the characters themselves)x"},
    {"a name that no variable has", R"x("localhost:9092")x", R"x("${a b}")x",
     R"x(d.json:5:45: `a b` is no name of an environment variable; write `${NAME}` or `${NAME:-default}`)x"},
    {"a secret in the wrong place", R"x("max_delay": "5s")x", R"x("max_delay": "${PASSWORD}")x",
     R"x(d.json:12:43: `${PASSWORD}` is not a duration: write a whole number and one of us, ms, s, m, h, d, e.g. "5s")x"},
    {"a secret in an expression", R"x("eventName IS NOT NULL")x", R"x("${PASSWORD} = 1")x",
     R"x(d.json:11:15: this is wrong after the variables of `${PASSWORD} = 1` are resolved)x"},
    {"a fault behind a variable", R"x("eventName IS NOT NULL")x", R"x("note = '${PORT}' AND evntName = 1")x",
     R"x(d.json:11:36: column `evntName` is unknown: did you mean `eventName`)x"},
    {"several faults at once", R"x("max_delay": "5s"
  }],
  "entities": [{"name": "user", "key": ["userId"]}])x", R"x("max_delay": "5x"
  }],
  "entities": [{"name": "us er", "key": ["userId", "userId"]}])x",
     R"x(d.json:12:43: `5x` is not a duration: write a whole number and one of us, ms, s, m, h, d, e.g. "5s"
d.json:14:25: `us er` cannot be a name: begin with a letter or `_` and go on with letters, digits, `_` and `-`
d.json:14:52: the column `userId` is listed twice
d.json:16:63: none of the entities is called `user`: did you mean `us er`?)x"},
    {"a machine with an unknown column", R"x("services")x", R"x("counter_machines": [{"name": "cm", "stream": "events", "keys": [["userId"], ["postId"]], "time_constants": ["5s"]}],
  "services")x",
     R"x(d.json:22:81: the stream `events` has no column `postId`; the columns here are `eventName`, `userId`, `tags`, `eventTs`, `spent`, `note` and `minutes`)x"},
    {"a machine with one key twice", R"x("services")x", R"x("counter_machines": [{"name": "cm", "stream": "events", "keys": [["userId"], ["userId"]], "time_constants": ["5s"]}],
  "services")x",
     R"x(d.json:22:80: there are two views called `cm_userId`; rename one)x"},
};
// clang-format on

} // namespace

TEST_CASE("definition: every fault is told with its place and its remedy") {
  for (const auto& x : malformed_definitions) {
    DYNAMIC_SECTION(x.title) {
      auto made = compile_text(x.what == nullptr ? x.with : changed(x.what, x.with));
      REQUIRE_FALSE(made);
      std::string messages;
      for (const auto& message : made.error().messages)
        messages += (messages.empty() ? "" : "\n") + message;
      CHECK(messages == x.messages);
    }
  }
}

} // namespace keyfold::config
