import numpy as np
import pytest

from facepipe.gallery.faiss_index import FaissIndex

E = np.eye(3, dtype=np.float32)


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
    assert index.vectors().tolist() == E[[0, 2]].tolist()


def test_bytes_bring_it_back_exactly() -> None:
    index = FaissIndex.from_bytes(filled().to_bytes())
    assert (index.dimension, len(index), index.vectors().tolist()) == (3, 3, E.tolist())


def test_other_bytes_are_a_value_error() -> None:
    import faiss

    other = faiss.serialize_index(faiss.IndexFlatL2(3)).tobytes()
    for data in (b"", b"nonsense" * 9, filled().to_bytes()[:-5], other):
        with pytest.raises(ValueError, match=r"faiss|expected an IndexFlatIP"):
            FaissIndex.from_bytes(data)
