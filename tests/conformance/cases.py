# Names of test cases: reading lists of them, drawing a seeded sample that reaches every group, cutting it into chunks.
# Runs nothing.
import fnmatch
import hashlib
import heapq
import math
import random
import re

GROUP_DEPTH = 3  # components below dEQP-VK that make a group, without the case's own name


def read(paths):
    """Yields the names in case lists: plain, one a line, or as deqp-vk writes them ("TEST: name", "GROUP: name")."""
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                name = line.strip()
                if name.startswith("TEST: "):
                    name = name[6:]
                if name.startswith("dEQP-VK."):
                    yield name


def patterns(paths):
    """The patterns (dEQP-VK.a.*) in files that have one a line; # starts a comment."""
    result = []
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            result += [text for line in lines if (text := line.partition("#")[0].strip())]
    return result


class Matcher:
    """Whether a name matches one of many patterns."""

    def __init__(self, globs):
        self._expression = re.compile("|".join(map(fnmatch.translate, globs))) if globs else None

    def __call__(self, name):
        return self._expression is not None and self._expression.match(name) is not None


def group_of(name):
    return ".".join(name.split(".")[1:-1][:GROUP_DEPTH])


def _shares(sizes, wanted):
    """How many cases to draw from each group: at least one, and otherwise by the square root of its size, so that the
    few groups with hundreds of thousands of cases do not crowd out the rest."""

    def drawn(scale):
        return {group: min(size, max(1, int(scale * math.sqrt(size)))) for group, size in sizes.items()}

    low, high = 0.0, max(map(math.sqrt, sizes.values()), default=0) + 1
    for _ in range(60):
        middle = (low + high) / 2
        if sum(drawn(middle).values()) <= wanted:
            low = middle
        else:
            high = middle
    return drawn(low)


def sample(names, seed, wanted):
    """About `wanted` names, sorted. names: called twice, returns an iterable. The same seed and names give the same
    sample, in whatever order the names come; a name that is drawn stays drawn when the list grows a little."""
    sizes = {}
    for name in names():
        group = group_of(name)
        sizes[group] = sizes.get(group, 0) + 1
    shares = _shares(sizes, wanted)
    kept = {group: [] for group in sizes}  # heaps whose top is the one to drop
    for name in names():
        group = group_of(name)
        heap = kept[group]
        key = -int.from_bytes(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest(), "big")
        if len(heap) < shares[group]:
            heapq.heappush(heap, (key, name))
        elif key > heap[0][0]:
            heapq.heapreplace(heap, (key, name))
    return sorted(name for heap in kept.values() for _, name in heap)


def chunks(names, size, seed):
    """Neighbours stay together, as deqp-vk builds the whole group of each case that it runs; the chunks are shuffled,
    so that a run that is cut short has seen a bit of everything."""
    result = [names[start : start + size] for start in range(0, len(names), size)]
    random.Random(seed).shuffle(result)
    return result
