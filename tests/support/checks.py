"""What test programs that run keyfold from outside share: checks that are counted, and the last line."""

import time

counts = [0, 0]  # passed, failed


def check(what, good, found=""):
    counts[not good] += 1
    if not good:
        print(f"FAILED: {what}: {found}", flush=True)


def eventually(condition, seconds=30, pause=0.05):
    """Whether it became true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def summary(skipped=None):
    """Prints the last line; the status to exit with."""
    print(f"{counts[0]} passed, {counts[1]} failed" + ("" if skipped is None else f", {skipped} skipped"))
    return int(counts[1] > 0)
