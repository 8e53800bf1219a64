"""What the users of a shop do, and what becomes of its inventory: a function of the seed."""

import csv
import dataclasses
import random

START = 1719579600000  # 2024-06-28 13:00:00 UTC, in ms
WINDOW = 5000
DELAY = 900  # events come at most so much later than others that are newer: less than the definitions' max_delay
USERS = 40
NOBODY = "nobody"  # whose clicks, on a product that is not there, only say how late it is


@dataclasses.dataclass(frozen=True)
class Event:
    """A click or a sale."""
    kind: str
    at: int  # ms since 1970
    user: str
    product: str


@dataclasses.dataclass(frozen=True)
class Product:
    id: str
    category: str
    stock: int
    rating: int


def read_inventory(path):
    with open(path, newline="") as f:
        return [Product(row[0], row[1], int(row[2]), int(row[3])) for row in csv.reader(f)]


def write_inventory(path, products):
    with open(path, "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows(dataclasses.astuple(product) for product in products)


class Shop:
    """The events of `phases` times `seconds` seconds, each in the order in which they arrive, and the inventory of each phase."""

    def __init__(self, seed, inventory, phases=2, seconds=300):
        self.random = random.Random(seed)
        self.seconds = seconds
        self.inventories = [inventory]
        while len(self.inventories) < phases:
            self.inventories.append(self._changed(self.inventories[-1]))
        categories = sorted({product.category for product in inventory})
        # Few categories each: their products run out, and begin again.
        self.tastes = {f"user-{n}": self.random.sample(categories, 2) for n in range(USERS)}
        self.phases = [self._phase(number) for number in range(phases)]

    def begin(self, phase):
        """The time at which a phase begins, a window's end."""
        return START + phase * (self.seconds * 1000 + 2 * WINDOW)

    def _changed(self, inventory):
        """Sold out, delivered, rated again, given up, new."""
        out = []
        for product in inventory:
            chance = self.random.random()
            stock = 0 if chance < 0.3 else product.stock or 5
            rating = self.random.randint(1, 10) if chance > 0.8 else product.rating
            if chance < 0.98:
                out.append(dataclasses.replace(product, stock=stock, rating=rating))
        new = [Product(str(1000 + n), category, 9, 10) for n, category in enumerate(sorted({p.category for p in inventory}))]
        return out + new

    def _phase(self, number):
        begin, inventory = self.begin(number), self.inventories[number]
        taken, events = set(), []
        for _ in range(self.seconds * 12):
            user = self.random.choice(sorted(self.tastes))
            liked = [product.id for product in inventory if product.category in self.tastes[user]]
            product = self.random.choice(liked if self.random.random() < 0.9 else [p.id for p in inventory] + ["discontinued"])
            kind = "sale" if self.random.random() < 0.15 else "click"
            # Two clicks of a user at the same time: which one counts would be anybody's choice.
            at = begin + self.random.randrange(self.seconds * 1000)
            if (user, at) not in taken:
                taken.add((user, at))
                events.append(Event(kind, at, user, product))
        return sorted(events, key=lambda event: event.at + self.random.randrange(DELAY))

    def closing(self, number):
        """A click and a sale that say that the phase is over."""
        at = self.begin(number) + self.seconds * 1000 + WINDOW
        return [Event("click", at, NOBODY, "nothing"), Event("sale", at, NOBODY, "nothing")]
