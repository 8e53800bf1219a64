"""What a reader of the outputs missed, saw more than once, or saw though it should not exist."""

import collections


class Verdict:
    def __init__(self):
        self.seen = self.lost = self.doubled = self.wrong = 0

    def _compare_counts(self, want, have):
        """Two multisets of rows."""
        missing, extra = want - have, have - want
        self.lost += sum(missing.values())
        self.doubled += sum(n for row, n in extra.items() if row in want)
        self.wrong += sum(n for row, n in extra.items() if row not in want)
        return not missing and not extra

    def compare_rows(self, want, have):
        """Rows in whatever order."""
        self.seen += len(have)
        self._compare_counts(collections.Counter(want), collections.Counter(have))

    def compare_sequences(self, want, have, same=lambda a, b: a == b, counted_as=lambda row: row):
        """Of each key, its rows in the order of the topic."""
        for key in want.keys() | have.keys():
            self._compare_sequence(want.get(key, []), have.get(key, []), same, counted_as)

    def _compare_sequence(self, want, have, same, counted_as):
        self.seen += len(have)
        if len(want) == len(have) and all(map(same, want, have)):
            return
        if self._compare_counts(collections.Counter(map(counted_as, want)), collections.Counter(map(counted_as, have))):
            self.wrong += 1  # all there, but out of order

    def add(self, other):
        self.seen += other.seen
        self.lost += other.lost
        self.doubled += other.doubled
        self.wrong += other.wrong

    def __str__(self):
        return f"{self.seen} rows seen, {self.lost} lost, {self.doubled} doubled, {self.wrong} wrong"
