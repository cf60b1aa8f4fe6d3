"""How often: a bucket of tokens for each caller, that fills as time passes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

MOST = 10_000  # callers remembered; a bucket that is forgotten is a full one


class Buckets:
    """Each caller has ``burst`` tokens at first, and gets ``rate`` a second until there are ``burst`` again."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, as of when

    def take(self, caller: str, tokens: float = 1.0) -> float:
        """Take ``tokens`` from the caller's bucket: 0.0, or where it has too few the seconds until it has enough."""
        now = self._clock()
        left, since = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = max(0.0, (tokens - left) / self._rate)
        self._buckets[caller] = (left if wait else left - tokens, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return wait


def client_of(address: str) -> str:
    """Whom an address belongs to, as far as can be told: an IPv6 client has a whole /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
