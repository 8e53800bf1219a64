"""What the definitions beside this file must give, computed from the truth and the events alone. Shares nothing with keyfold."""

import collections

BEST = 5
WITHIN = 600_000  # ms


def read_truth(path):
    """The conversions of a truth file: (user, query, item) in the order of the purchases."""
    with open(path) as f:
        for line in f:
            fields = dict(part.split("=", 1) for part in line.rstrip("\n").split(";"))
            yield int(fields["user"]), fields["query"], int(fields["item"])


def lists(truth):
    """item -> all lists of best queries that it comes to have. Of queries with equally many conversions, the one that had so many
    first is the better one."""
    counts, reached = collections.defaultdict(collections.Counter), {}
    found = collections.defaultdict(list)
    for number, (_, query, item) in enumerate(truth):
        counts[item][query] += 1
        reached[item, query] = number
        best = sorted(counts[item], key=lambda x: (-counts[item][x], reached[item, x]))[:BEST]
        if not found[item] or found[item][-1] != best:
            found[item].append(best)
    return found


def top_queries(truth):
    """item -> its best queries in the end."""
    return {item: best[-1] for item, best in lists(truth).items()}


def conversions_of_users(truth):
    """user -> how many, and the last one's query and item."""
    found = {}
    for user, query, item in truth:
        found[user] = (found.get(user, (0,))[0] + 1, query, item)
    return found


def steps(events, watermark):
    """user -> what a journey that may yet come to its purchase has come to: "searched", "viewed", "carted", or nothing.

    `events` are in the order of their times; of a user's only the last three can be part of such a journey.
    """
    recent = collections.defaultdict(lambda: collections.deque(maxlen=3))
    for event in events:
        recent[event.user].append(event)
    return {user: step_of(list(last), watermark) for user, last in recent.items()}


def step_of(last, watermark):
    for length, step in ((3, "carted"), (2, "viewed"), (1, "searched")):
        journey = last[-length:]
        if [x.action for x in journey] == ["search", "view", "cart"][:length]:
            same_item = len({x.item for x in journey[1:]}) <= 1
            return step if same_item and watermark < journey[0].at + WITHIN else None
    return None
