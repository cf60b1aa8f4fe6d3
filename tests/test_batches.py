import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import PIL.Image
import pytest

from facepipe.batches import AHEAD, AHEAD_OF_EACH, GROUP, GROUP_PIXELS, Done, Failed, Outcome, each
from facepipe.errors import FaceError, FacepipeError, GalleryError, ImageDamaged, ImageNotFound, NoFace, UsageError
from facepipe.image import ImageLike
from facepipe.machine.devices import Workers, workers
from facepipe.records import Image

T = TypeVar("T")


def picture(value: int, side: int = 16) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def first_pixels(group: list[Image]) -> list[int]:
    return [int(image.pixels[0, 0, 0]) for image in group]


def done(outcome: Outcome[T]) -> Done[T]:
    assert isinstance(outcome, Done)
    return outcome


def error_of(outcome: Outcome[T]) -> FacepipeError | None:
    return outcome.error if isinstance(outcome, Failed) else None


def value_or_none(outcome: Outcome[T]) -> T | None:
    return outcome.value if isinstance(outcome, Done) else None


def decoders() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("facepipe-decode")]


@pytest.mark.parametrize("count", [0, 1, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP + 1])
def test_one_outcome_per_input_in_order(count: int) -> None:
    outcomes = list(each((picture(value) for value in range(count)), first_pixels))
    assert [outcome.unwrap() for outcome in outcomes] == list(range(count))
    assert all(isinstance(outcome, Done) and outcome.source == "<array>" for outcome in outcomes)
    assert decoders() == []


def test_inputs_that_cannot_be_decoded_are_outcomes_in_their_places(tmp_path: Path) -> None:
    missing = tmp_path / "missing.jpg"
    given: list[ImageLike] = [picture(value) for value in range(20)]
    given[0] = given[11] = given[12] = missing
    given[19] = b"\xff\xd8\xff damaged"
    outcomes = list(each(given, first_pixels))
    bad = {index: outcome.error for index, outcome in enumerate(outcomes) if isinstance(outcome, Failed)}
    assert {index: type(error) for index, error in bad.items()} == {
        **dict.fromkeys((0, 11, 12), ImageNotFound),
        19: ImageDamaged,
    }
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Done)] == [
        value for value in range(20) if value not in bad
    ]
    assert outcomes[0].source == str(missing)
    with pytest.raises(ImageNotFound, match=r"missing\.jpg"):
        outcomes[0].unwrap()


def test_nothing_but_bad_inputs() -> None:
    def never(group: list[Image]) -> list[int]:
        raise AssertionError("called without an image")

    assert [type(error_of(outcome)) for outcome in each(["/nowhere.jpg"] * 12, never)] == [ImageNotFound] * 12


@pytest.mark.parametrize(
    ("given", "source"),
    [
        (b"text", "<bytes>"),
        (bytearray(b"text"), "<bytes>"),
        (memoryview(b"text"), "<bytes>"),
        (np.zeros((20, 20, 4), np.uint8), "<array>"),
        (PIL.Image.new("F", (20, 20)), "<PIL image>"),
        ("/nowhere/a.jpg", "/nowhere/a.jpg"),
        (Path("/nowhere/a.jpg"), "/nowhere/a.jpg"),
    ],
)
def test_the_source_of_a_bad_input_is_its_path_or_its_kind(given: ImageLike, source: str) -> None:
    (outcome,) = each([given], first_pixels)
    assert isinstance(outcome, Failed)
    assert outcome.source == source
    assert str(outcome.error).startswith(source)


def test_a_value_that_is_none_is_a_value() -> None:
    (outcome,) = each([picture(1)], lambda group: [None])
    assert isinstance(outcome, Done)
    assert outcome.unwrap() is None


# Groups ---------------------------------------------------------------------------------------------------------------


def sizes(given: list[np.ndarray]) -> list[int]:
    seen: list[int] = []

    def work(group: list[Image]) -> list[None]:
        seen.append(len(group))
        return [None] * len(group)

    assert len(list(each(given, work))) == len(given)
    return seen


def test_groups_are_bounded_by_count_and_by_pixels() -> None:
    assert sizes([picture(0)] * (2 * GROUP + 1)) == [GROUP, GROUP, 1]
    large = np.zeros((1000, GROUP_PIXELS // 2000, 3), np.uint8)  # two fill a group
    assert sizes([large] * 5) == [2, 2, 1]
    assert sizes([picture(0), large, large, picture(0)]) == [3, 1]


def test_an_endless_input_is_not_read_far_ahead() -> None:
    taken = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal taken
        while taken < 1000:  # would do to fail
            taken += 1
            yield picture(0)

    outcomes = each(endless(), first_pixels)
    assert taken == 0
    for received in range(1, 30):
        next(outcomes)
        assert taken <= received + GROUP + AHEAD
    outcomes.close()  # type: ignore[attr-defined]
    assert decoders() == []


def test_images_that_were_handed_out_are_not_kept() -> None:
    outcomes = each((picture(0) for _ in range(3 * GROUP)), first_pixels, pictures=True)
    seen = [weakref.ref(done(next(outcomes)).image) for _ in range(2 * GROUP + 1)]
    assert sum(image() is not None for image in seen) <= GROUP


def test_a_list_of_outcomes_holds_no_image(pool: Workers) -> None:
    alive: list[weakref.ref[Image]] = []

    def look(image: Image) -> Image:
        alive.append(weakref.ref(image))
        if value_of(image) % 5 == 1:  # an error's traceback would hold it, and so would that of what it came from
            try:
                raise ValueError("odd")
            except ValueError as error:
                raise NoFace("one") from error
        return image

    def work(group: list[Image]) -> list[int]:
        if any(value_of(image) == 3 for image in group):
            raise NoFace("three")
        return first_pixels(group)

    for some in (pool, None):
        alive.clear()
        outcomes = list(each([picture(value) for value in range(12)], work, look, some))
        assert [isinstance(outcome, Failed) for outcome in outcomes] == [value in (1, 3, 6, 11) for value in range(12)]
        assert len(alive) >= 12
        assert [ref() for ref in alive if ref() is not None] == []


def test_the_image_is_handed_out_to_who_asks() -> None:
    (asked,) = each([picture(7)], first_pixels, pictures=True)
    assert value_of(done(asked).image) == 7
    (other,) = each([picture(7)], first_pixels)
    with pytest.raises(UsageError, match=r"^<array>: .*pictures=True"):
        _ = done(other).image


# Ends -----------------------------------------------------------------------------------------------------------------


def test_closing_early_leaves_no_thread() -> None:
    outcomes = each((picture(0) for _ in range(100)), first_pixels)
    next(outcomes)
    assert decoders() != []
    outcomes.close()  # type: ignore[attr-defined]
    assert decoders() == []


def test_never_started_never_reads() -> None:
    def fail() -> Iterator[np.ndarray]:
        raise AssertionError("read")
        yield

    each(fail(), first_pixels)
    assert decoders() == []


def fail_to_read() -> Iterator[np.ndarray]:
    yield from [picture(0)] * 3
    raise RuntimeError("the camera is gone")


def fail_to_work(group: list[Image]) -> list[int]:
    raise GalleryError("the gallery is gone")


@pytest.mark.parametrize(
    ("images", "work", "error"),
    [(fail_to_read, first_pixels, RuntimeError), (lambda: [picture(0)] * 30, fail_to_work, GalleryError)],
)
def test_other_errors_are_raised_and_leave_no_thread(
    images: Callable[[], Iterator[np.ndarray]], work: Callable[[list[Image]], list[int]], error: type[Exception]
) -> None:
    with pytest.raises(error, match="is gone"):
        list(each(images(), work))
    assert decoders() == []


def test_faces_that_cannot_be_used_are_that_images_outcome_alone() -> None:
    def work(group: list[Image]) -> list[int]:
        if 3 in first_pixels(group):
            raise NoFace("three")
        return first_pixels(group)

    outcomes = list(each([picture(value) for value in range(6)], work))
    assert [value_or_none(outcome) for outcome in outcomes] == [0, 1, 2, None, 4, 5]
    assert isinstance(error_of(outcomes[3]), FaceError)


def test_a_value_for_each_image_or_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        list(each([picture(0)] * 3, lambda group: first_pixels(group)[:-1]))


def test_outcomes_are_told_from_images_by_type() -> None:
    inner = Done("a", 1)
    (outcome,) = each([picture(0)], lambda group: [inner])
    assert outcome.unwrap() is inner


# In the threads of a pool ---------------------------------------------------------------------------------------------


@pytest.fixture
def pool() -> Iterator[Workers]:
    with workers("pool", 2) as made:
        yield made


def value_of(image: Image) -> int:
    return int(image.pixels[0, 0, 0])


@pytest.mark.parametrize("count", [0, 1, 2, GROUP, GROUP + 1, 3 * GROUP + 1])
def test_a_pool_gives_the_same(pool: Workers, count: int) -> None:
    given = [picture(value) for value in range(count)]
    outcomes = list(each(given, lambda values: [10 * value for value in values], value_of, pool))
    assert [outcome.unwrap() for outcome in outcomes] == [10 * value for value in range(count)]
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def test_all_is_done_in_the_pool_but_a_single_image_in_the_callers_thread(pool: Workers) -> None:
    def threads(count: int) -> set[str]:
        seen: set[str] = set()

        def note(given: T) -> T:
            seen.add(threading.current_thread().name)
            return given

        list(each([picture(0)] * count, note, note, pool))
        return seen

    assert threads(1) == {threading.current_thread().name}
    assert all(name.startswith("pool") for name in threads(2))


def test_images_are_looked_at_while_a_group_is_worked_on(pool: Workers) -> None:
    further = threading.Event()

    def look(image: Image) -> int:
        if value_of(image) >= GROUP:
            further.set()
        return value_of(image)

    def work(values: list[int]) -> list[int]:
        assert further.wait(10)
        return values

    outcomes = each([picture(value) for value in range(2 * GROUP)], work, look, pool)
    assert [outcome.unwrap() for outcome in outcomes] == list(range(2 * GROUP))


def test_what_a_look_or_a_group_cannot_use_is_that_images_outcome_alone(pool: Workers) -> None:
    def look(image: Image) -> int:
        if value_of(image) == 1:
            raise NoFace("one")
        return value_of(image)

    def work(values: list[int]) -> list[int]:
        if 3 in values:
            raise NoFace("three")
        return values

    given: list[ImageLike] = [*(picture(value) for value in range(5)), "/nowhere.jpg"]
    for outcomes in (list(each(given, work, look, pool)), list(each(given, work, look))):
        assert [value_or_none(outcome) for outcome in outcomes] == [0, None, 2, None, 4, None]
        assert [str(error_of(outcomes[index])) for index in (1, 3)] == ["one", "three"]


@pytest.mark.parametrize("failing", ["look", "work"])
def test_other_errors_come_out_of_the_pool(pool: Workers, failing: str) -> None:
    def fail(given: object) -> list[int]:
        raise GalleryError("the gallery is gone")

    work, look = (fail, value_of) if failing == "work" else (lambda values: values, fail)
    with pytest.raises(GalleryError, match="is gone"):
        list(each([picture(0)] * 30, work, look, pool))


def test_closing_early_leaves_the_pool_idle(pool: Workers) -> None:
    looked = []

    def look(image: Image) -> None:
        looked.append(image)

    outcomes = each([picture(0)] * 1000, lambda group: group, look, pool)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    pool.shutdown(wait=True)
    assert len(looked) <= 2 * GROUP + AHEAD_OF_EACH * pool.count + 1


def test_of_large_images_fewer_are_held(pool: Workers) -> None:
    large = np.zeros((1000, GROUP_PIXELS // 1000, 3), np.uint8)
    alive: list[weakref.ref[Image]] = []
    most = 0

    def coming() -> Iterator[Image]:
        nonlocal most
        for _ in range(20):
            image = Image(large, "large")
            alive.append(weakref.ref(image))
            most = max(most, sum(ref() is not None for ref in alive))
            yield image
            del image

    for outcome in each(coming(), lambda group: group, lambda image: None, pool):
        del outcome
    assert len(alive) == 20
    assert most <= 2 + pool.count + 2  # groups at work; looked at; one in the hand of either side


def test_one_pil_image_may_be_given_several_times(pool: Workers, samples: Path) -> None:
    with PIL.Image.open(samples / "astronaut.png") as opened:  # not loaded yet
        sums = [o.unwrap() for o in each([opened] * 4, lambda sums: sums, lambda image: int(image.pixels.sum()), pool)]
    assert len(set(sums)) == 1
    assert sums[0] > 0
