"""A producer of records whose timestamps are given, which kcat's are not: librdkafka, as keyfold uses it, through ctypes."""

import ctypes
import ctypes.util


class _Memory(ctypes.Structure):
    _fields_ = [("pointer", ctypes.c_char_p), ("size", ctypes.c_size_t)]


class _Value(ctypes.Union):
    _fields_ = [("text", ctypes.c_char_p), ("int", ctypes.c_int), ("int32", ctypes.c_int32), ("int64", ctypes.c_int64),
                ("memory", _Memory), ("padding", ctypes.c_char * 64)]


class _Part(ctypes.Structure):
    """rd_kafka_vu_t of rdkafka.h."""
    _fields_ = [("type", ctypes.c_int), ("value", _Value)]


# rd_kafka_vtype_t
TOPIC, PARTITION, VALUE, KEY, FLAGS, TIMESTAMP = 1, 3, 4, 5, 7, 8
COPY = 0x2  # RD_KAFKA_MSG_F_COPY
PRODUCER = 0  # RD_KAFKA_PRODUCER


class Producer:
    def __init__(self, brokers):
        self._library = ctypes.CDLL(ctypes.util.find_library("rdkafka") or "librdkafka.so.1")
        for name, result, arguments in (
                ("rd_kafka_conf_new", ctypes.c_void_p, []),
                ("rd_kafka_conf_set", ctypes.c_int, [ctypes.c_void_p, *[ctypes.c_char_p] * 3, ctypes.c_size_t]),
                ("rd_kafka_new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
                ("rd_kafka_produceva", ctypes.c_void_p, [ctypes.c_void_p, ctypes.POINTER(_Part), ctypes.c_size_t]),
                ("rd_kafka_error_string", ctypes.c_char_p, [ctypes.c_void_p]),
                ("rd_kafka_flush", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
                ("rd_kafka_outq_len", ctypes.c_int, [ctypes.c_void_p])):
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        settings, why = self._library.rd_kafka_conf_new(), ctypes.create_string_buffer(256)
        for name, value in (("bootstrap.servers", brokers), ("enable.idempotence", "true"), ("message.timeout.ms", "60000"),
                            ("log_level", "2")):
            if self._library.rd_kafka_conf_set(settings, name.encode(), value.encode(), why, len(why)):
                raise RuntimeError(f"librdkafka refuses {name}: {why.value.decode()}")
        self._client = self._library.rd_kafka_new(PRODUCER, settings, why, len(why))
        if not self._client:
            raise RuntimeError(f"no producer: {why.value.decode()}")

    def send(self, topic, partition, at, key, value):
        """@param value: bytes. @param at: the record's timestamp, ms since 1970"""
        key = key.encode()
        parts = (_Part * 6)(
            _Part(TOPIC, _Value(text=topic.encode())), _Part(PARTITION, _Value(int32=partition)),
            _Part(TIMESTAMP, _Value(int64=at)), _Part(KEY, _Value(memory=_Memory(key, len(key)))),
            _Part(VALUE, _Value(memory=_Memory(value, len(value)))), _Part(FLAGS, _Value(int=COPY)))
        problem = self._library.rd_kafka_produceva(self._client, parts, len(parts))
        if problem:
            raise RuntimeError(f"{topic} does not take a record: {self._library.rd_kafka_error_string(problem).decode()}")

    def flush(self):
        """Until the broker has all of them."""
        self._library.rd_kafka_flush(self._client, 60_000)
        if self._library.rd_kafka_outq_len(self._client):
            raise RuntimeError("the broker has not taken all records within a minute")
