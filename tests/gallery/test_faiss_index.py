import numpy as np
import pytest

from facepipe.gallery.faiss_index import FaissIndex

E = np.eye(3, dtype=np.float32)
ALL = np.arange(3)


def filled() -> FaissIndex:
    index = FaissIndex(3)
    index.add(E)
    return index


def test_search_gives_cosines_and_positions_best_first() -> None:
    scores, positions = filled().search(np.array([[0.6, 0.8, 0]], np.float32), 3)
    assert positions.tolist() == [[1, 0, 2]]
    assert scores == pytest.approx(np.array([[0.8, 0.6, 0]]))


def test_remove_closes_the_gaps_and_keeps_the_order() -> None:
    index = filled()
    index.remove(np.array([1]))
    assert index.vectors(np.array([0, 1])).tolist() == E[[0, 2]].tolist()


def test_vectors_come_back_exactly_in_any_order() -> None:
    vectors = np.random.default_rng(1).normal(size=(50, 7)).astype(np.float32)
    index, positions = FaissIndex(7), np.array([49, 0, 7, 7])
    index.add(vectors)
    assert index.vectors(positions).tobytes() == vectors[positions].tobytes()
    assert index.vectors(positions[:0]).shape == FaissIndex(7).vectors(positions[:0]).shape == (0, 7)


def test_room_that_was_reserved_is_used() -> None:
    """The memory of the vectors stays where it is while they are added."""
    index = FaissIndex(3)
    index.reserve(1000)
    assert len(index) == 0
    index.add(E)
    place = int(index._flat.get_xb())
    for _ in range(332):
        index.add(E)
    assert int(index._flat.get_xb()) == place
    index.reserve(2000)
    assert index.vectors(ALL + 996).tolist() == E.tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_a_search_leaves_the_number_of_threads_as_it_was(count: int) -> None:
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        filled().search(E[:count], 1)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(threads)


def test_vectors_are_a_copy() -> None:
    index = filled()
    index.vectors(ALL)[:] = 0
    assert index.vectors(ALL).tolist() == E.tolist()
