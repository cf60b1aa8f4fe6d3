import cv2
import numpy as np

from facepipe.records import Pixels
from facepipe.track.cuts import Cuts


def scene(seed: int, level: float = 1.0) -> Pixels:
    noise = np.random.default_rng(seed).uniform(0, 255 * level, (9, 16)).astype(np.float32)
    return cv2.resize(noise, (320, 180), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def test_another_scene_is_a_cut_once() -> None:
    cuts = Cuts()
    assert [cuts.between(picture) for picture in (scene(1), scene(1), scene(2), scene(2))] == [
        False,
        False,
        True,
        False,
    ]


def test_a_pan_a_fade_and_someone_passing_are_none() -> None:
    cuts = Cuts()
    wide = cv2.resize(scene(3), (1280, 180))
    assert not any(cuts.between(wide[:, x : x + 320]) for x in range(0, 900, 15))
    fading = [(scene(4) * share).astype(np.uint8) for share in np.linspace(1, 0, 20)]
    cuts = Cuts()
    assert not any(cuts.between(picture) for picture in fading)
    cuts = Cuts()
    passing = []
    for x in range(0, 300, 20):
        picture = scene(5)
        picture[:, x : x + 100] = 10
        passing.append(picture)
    assert not any(cuts.between(picture) for picture in passing)


def test_noise_in_the_dark_is_none() -> None:
    cuts, noise = Cuts(), np.random.default_rng(0)
    dark = [noise.integers(0, 6, (180, 320)).astype(np.uint8) for _ in range(5)]
    assert not any(cuts.between(picture) for picture in dark)
    assert not any(cuts.between(scene(seed, 0.01)) for seed in range(5))
