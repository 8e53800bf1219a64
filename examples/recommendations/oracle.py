"""What must be recommended, from the rules alone: written for clarity, and sharing no code with keyfold."""

import collections
import dataclasses
import datetime

K = 6
WINDOW = 5000


@dataclasses.dataclass(frozen=True)
class Line:
    user: str
    products: tuple
    end: int  # of the window, ms since 1970

    def __str__(self):
        """As the document shows it: fields with a comma or a space are quoted."""
        products = ",".join(self.products)
        end = datetime.datetime.fromtimestamp(self.end / 1000, datetime.timezone.utc)
        return f'{self.user},' + (f'"{products}"' if len(self.products) > 1 else products) + f',"{end:%Y-%m-%d %H:%M:%S}"'


def deciding_clicks(events):
    """(end of window, user) -> the product of the window's newest click."""
    newest = {}
    for event in events:
        if event.kind == "click":
            window = event.at // WINDOW * WINDOW + WINDOW, event.user
            if window not in newest or newest[window].at < event.at:
                newest[window] = event
    return {window: click.product for window, click in newest.items()}


def bought_before(events, user, end):
    return {event.product for event in events if event.kind == "sale" and event.user == user and event.at < end}


def recommendations(shop):
    """All lines, by the ends of their windows: with the inventory of each phase, whatever phase the events are of."""
    events = [event for phase in shop.phases for event in phase]
    clicks = deciding_clicks(events)
    shown = collections.defaultdict(set)  # user -> products suggested before
    lines = []
    for (end, user), viewed in sorted(clicks.items()):
        phase = max(number for number in range(len(shop.phases)) if shop.begin(number) < end)
        inventory = shop.inventories[phase]
        category = next((product.category for product in inventory if product.id == viewed), None)
        bought = bought_before(events, user, end)
        candidates = [product for product in inventory if product.category == category and product.stock > 0]
        candidates.sort(key=lambda product: (product.id not in bought, -product.rating, product.id))
        fresh = [product.id for product in candidates if product.id not in shown[user]]
        if candidates and not fresh:  # all of the category have been suggested: begin again
            shown[user] -= {product.id for product in inventory if product.category == category}
            fresh = [product.id for product in candidates]
        if fresh:
            shown[user] |= set(fresh[:K])
            lines.append(Line(user, tuple(fresh[:K]), end))
    return lines
