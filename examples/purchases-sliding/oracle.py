"""Computes from purchases and prices alone what keyfold must publish and serve. Shares nothing with it."""

import bisect
import calendar
import collections
import math
import time

SIZE, STEP = 120, 60  # seconds: of a window, and between two
FEATURE = "total_payment_last_two_minutes"


def seconds(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def text(at):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at))


def payments(purchases, prices):
    """user -> (time, what was paid) for each purchase: with the price that was valid at its time, None where there was none yet."""
    known = collections.defaultdict(list)
    for price in prices:
        known[price["item_id"]].append((seconds(price["timestamp"]), price["price"]))
    for versions in known.values():
        versions.sort()
    paid = collections.defaultdict(list)
    for purchase in purchases:
        at, versions = seconds(purchase["timestamp"]), known[purchase["item_id"]]
        valid = bisect.bisect_right(versions, at, key=lambda version: version[0])
        paid[purchase["user_id"]].append((at, purchase["item_count"] * versions[valid - 1][1] if valid else None))
    return paid


def total(paid, end, until=math.inf):
    """The sum over the window that ends (exclusively) at `end`, of purchases up to `until`; None if there was no purchase."""
    inside = [payment for at, payment in paid if end - SIZE <= at < end and at <= until]
    return math.fsum(payment for payment in inside if payment is not None) if inside else None


def rows(purchases, prices, watermark=math.inf):
    """The rows that must have been published when time has come to `watermark` (seconds since 1970), in each user's order."""
    published = []
    for user, paid in payments(purchases, prices).items():
        buckets = collections.defaultdict(list)
        for at, payment in paid:
            buckets[at // STEP * STEP].append((at, payment))
        last = None
        for end in sorted({bucket + STEP + later for bucket in buckets for later in range(0, SIZE + 1, STEP)}):
            if end > watermark:
                break
            sum_of = total([x for begin in range(end - SIZE, end, STEP) for x in buckets.get(begin, [])], end)
            value = 0.0 if sum_of is None else sum_of  # the user's windows have become empty, which one row says
            if value != last:
                published.append({"user_id": user, "timestamp": text(end - 1), FEATURE: value})
            last = None if sum_of is None else value
    return published


def features(paid, watermark):
    """What a reader sees of a user who paid this, when time has come to `watermark`."""
    end = watermark // STEP * STEP
    decided = [x for x in paid if x[0] <= watermark]
    last, running = total(decided, end), total(decided, end + STEP)
    return {FEATURE: last, FEATURE + ".running": 0.0 if running is None and last is not None else running}
