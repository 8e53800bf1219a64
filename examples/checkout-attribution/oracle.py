"""Computes from clicks, checkouts and the users' names alone what keyfold must publish and serve. Shares nothing with it."""

import collections
import datetime
import fractions

HOUR = datetime.timedelta(hours=1)
EPOCH = datetime.datetime(1970, 1, 1)
SAME = ("checkout_id", "product_id", "payment_method", "total_amount", "shipping_address", "billing_address", "user_agent", "ip_address")


def moment(event):
    return datetime.datetime.fromisoformat(event["datetime_occured"])


def rfc3339(at):
    """As keyfold writes times: without a fraction where there is none."""
    return at.isoformat(timespec="milliseconds").removesuffix(".000") + "Z"


def rows(clicks, checkouts, names):
    """checkout_id -> (when, user, its row). The row has the click it owes: the first one of that user on that product within the hour
    before it, both ends included; and the user's name, where the user is known. names: what the users' table
    (id -> name and password) held when this checkout came."""
    clicked = collections.defaultdict(list)
    for click in clicks:
        clicked[click["user_id"], click["product_id"]].append((moment(click), click["click_id"]))
    result = {}
    for checkout in checkouts:
        at, user = moment(checkout), checkout["user_id"]
        owed = min((x for x in clicked[user, checkout["product_id"]] if at - HOUR <= x[0] <= at), default=None)
        row = {column: checkout[column] for column in SAME}
        row |= {"user_name": names(checkout).get(user, (None,))[0], "checkout_time": rfc3339(at),
                "click_id": owed and owed[1], "click_time": owed and rfc3339(owed[0])}
        result[row["checkout_id"]] = (at, user, row)
    return result


def as_published(row):
    """A row of the database's table as `rows` has it."""
    times = {name: row[name] and rfc3339(datetime.datetime.fromisoformat(row[name])) for name in ("checkout_time", "click_time")}
    return row | times


def features(decided):
    """What a reader sees of a user with these rows, each (when, user, row)."""
    if not decided:
        return dict.fromkeys(("checkouts", "attributed", "revenue", "checkout_id", "click_id"))
    newest = max(decided, key=lambda x: x[0])[2]
    return {"checkouts": len(decided), "attributed": sum(row["click_id"] is not None for _, _, row in decided),
            "revenue": float(sum(fractions.Fraction(str(row["total_amount"])) for _, _, row in decided)),
            "checkout_id": newest["checkout_id"], "click_id": newest["click_id"]}
