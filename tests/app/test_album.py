"""What is kept of a long race covers it evenly, whenever and however large its messages came."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.live.album import Album, Ledger
from engine.messages.encoding import decode, encode
from tests.engine.support.properties import few

UNEVEN, SAMPLED = 2, 3
"""The largest gap between neighbours that are kept, in mean gaps; the same of a sample of them."""


def gaps(kept: list[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise(kept)]


@few(150)
@given(
    most=st.integers(3, 40),
    count=st.integers(1, 600),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=8),
    most_bytes=st.integers(1500, 20_000),
)
def test_an_album_is_even_at_every_moment(
    most: int, count: int, sizes: list[int], most_bytes: int
) -> None:
    album = Album(most, most_bytes)
    for number in range(count):
        album.add(number.to_bytes(4, "big") + bytes(sizes[number % len(sizes)]))
        kept = [int.from_bytes(one[:4], "big") for one in album.sample(10**6)]
        assert kept[0] == 0
        assert kept[-1] == number
        assert len(kept) <= most
        assert len(kept) == 2 or sum(map(len, album.sample(10**6))) <= most_bytes
        if len(kept) > 1:
            assert max(gaps(kept)) <= UNEVEN * number / (len(kept) - 1)
    if not any(size > 100 for size in sizes):
        assert len(kept) >= min(count, most) / 2 - 1, "no more is dropped than must be"


@few(60)
@given(most=st.integers(4, 60), count=st.integers(1, 600), few_of=st.integers(2, 40))
def test_a_sample_is_even_too(most: int, count: int, few_of: int) -> None:
    album = Album(most)
    for number in range(count):
        album.add(number.to_bytes(4, "big"))
    taken = [int.from_bytes(one[:4], "big") for one in album.sample(few_of)]
    assert len(taken) == min(few_of, len(album))
    assert (taken[0], taken[-1]) == (0, count - 1)
    if len(taken) > 1:
        assert max(gaps(taken)) <= SAMPLED * (count - 1) / (len(taken) - 1)
        assert min(gaps(taken)) > 0


@few(60)
@given(
    most=st.integers(10, 40),
    count=st.integers(2, 300),
    ends=st.sets(st.integers(1, 299), max_size=3),
    events=st.sets(st.integers(0, 299), max_size=20),
)
def test_a_ledger_is_even_and_loses_no_event_and_no_end(
    most: int, count: int, ends: set[int], events: set[int]
) -> None:
    ledger = Ledger(most)
    for k in range(count):
        lanes = [{"finished": k >= end, "trouble": None, "stopped": None} for end in sorted(ends)]
        told = [{"kind": "turn", "at": k}] if k in events else []
        ledger.add(encode({"type": "metrics", "k": k, "lanes": lanes, "events": told}))
    messages = [decode(one) for one in ledger]
    kept = [message["k"] for message in messages]
    assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(kept) <= most + len(ends)
    assert {end for end in ends if end < count} <= {*kept}
    assert [event["at"] for message in messages for event in message["events"]] == sorted(
        at for at in events if at < count
    )
    # An end that stays splits a gap, and so makes the mean smaller, by at most its own share.
    evenly = len([k for k in kept if k not in ends]) or 1
    assert max(gaps(kept)) <= UNEVEN * (count - 1) / max(1, evenly - 1)
