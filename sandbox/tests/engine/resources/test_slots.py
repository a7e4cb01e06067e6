"""Who begins when there is room for some: mostly in order, never more than fits, nobody is forgotten."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from flyte_sandbox.engine.messages import Attempt
from flyte_sandbox.engine.resources.claims import NOTHING, Claim
from flyte_sandbox.engine.resources.slots import Slots


class Named:
    def __init__(self, key: str) -> None:
        self.key = key


def named(key: str) -> Attempt:
    return cast(Attempt, Named(key))


def keys(attempts: list[Attempt]) -> list[str]:
    return [each.key for each in attempts]


def cpu(millis: int) -> Claim:
    return Claim(cpu_millis=millis, attempts=1)


ALL = Claim(cpu_millis=4000, attempts=10)


def test_who_comes_first_begins_first():
    slots = Slots(Claim(attempts=1))
    one = Claim(attempts=1)
    assert keys(slots.ask(named("a"), one)) == ["a"]
    assert slots.ask(named("b"), one) == []
    assert slots.ask(named("c"), one) == []
    assert keys(slots.release("a")) == ["b"]
    assert keys(slots.release("b")) == ["c"]
    assert slots.taken() == ["c"]


def test_a_small_one_overtakes_a_large_one_that_does_not_fit():
    slots = Slots(ALL)
    slots.ask(named("a"), cpu(3000))
    assert slots.ask(named("large"), cpu(4000)) == []
    assert keys(slots.ask(named("small"), cpu(1000))) == ["small"]
    assert slots.release("small") == []
    assert keys(slots.release("a")) == ["large"]


def test_but_not_for_ever():
    slots = Slots(ALL)
    slots.ask(named("0"), cpu(1000))
    assert slots.ask(named("large"), cpu(4000)) == []
    begun = ["0"]
    for number in range(1, 200):
        if begun_now := keys(slots.ask(named(str(number)), cpu(1000))):
            begun += begun_now
        if len(begun) > 1 and "large" not in begun:
            begun += keys(slots.release(begun[-2]))
    for key in begun:
        begun += [each for each in keys(slots.release(key)) if each not in begun]
    assert begun.index("large") < 60
    assert len(begun) == 201


def test_several_begin_when_a_large_one_ends():
    slots = Slots(ALL)
    slots.ask(named("large"), cpu(4000))
    for key in "abcde":
        assert slots.ask(named(key), cpu(1000)) == []
    assert keys(slots.release("large")) == ["a", "b", "c", "d"]


def test_one_that_is_withdrawn_makes_way():
    slots = Slots(Claim(cpu_millis=4000, attempts=10))
    slots.ask(named("a"), cpu(3000))
    slots.ask(named("large"), cpu(2000))
    assert slots.withdraw("large") == []
    assert slots.withdraw("large") is None
    assert slots.withdraw("a") is None
    assert keys(slots.ask(named("b"), cpu(1000))) == ["b"]


def test_a_parent_that_waits_for_its_children_holds_nothing():
    slots = Slots(Claim(attempts=1))
    assert keys(slots.ask(named("child"), Claim(attempts=1))) == ["child"]
    assert keys(slots.ask(named("parent"), NOTHING)) == ["parent"]
    assert slots.taken() == ["child", "parent"]


def test_those_found_running_after_a_restart_may_be_more_than_fit():
    slots = Slots(Claim(attempts=1))
    for key in "ab":
        slots.take(key, Claim(attempts=1))
    slots.take("b", Claim(attempts=1))
    assert slots.ask(named("c"), Claim(attempts=1)) == []
    assert slots.release("a") == []
    assert keys(slots.release("b")) == ["c"]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=60), st.data())
def test_all_begin_once_and_never_more_than_fits(sizes: list[tuple[int, int]], data: Any) -> None:
    all_of_it = Claim(5, 3, 0, 4)
    slots, running, begun = Slots(all_of_it), {}, []
    claims = {str(number): Claim(one, two, 0, 1) for number, (one, two) in enumerate(sizes)}

    def began(attempts: list[Attempt]) -> None:
        for key in keys(attempts):
            running[key] = claims[key]
            begun.append(key)
        used = NOTHING
        for claim in running.values():
            used = used.plus(claim)
        assert used.fits(all_of_it)

    for key, claim in claims.items():
        began(slots.ask(named(key), claim))
        if running and data.draw(st.booleans()):
            ended = data.draw(st.sampled_from(sorted(running)))
            del running[ended]
            began(slots.release(ended))
    while running:
        ended = next(iter(running))
        del running[ended]
        began(slots.release(ended))
    assert sorted(begun) == sorted(claims)
