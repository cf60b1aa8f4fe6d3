"""The plug-ins, name → module: whoever adds a detector or a network enters it here.

The name is the card's ``architecture``; the module has a function ``load`` (see detect/base.py and embed/base.py).
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from facepipe.errors import CardInvalid
from facepipe.networks.cards import Card

PLUGINS = {
    "detector": {
        "mtcnn": "facepipe.detect.mtcnn",
        "yunet": "facepipe.detect.yunet",
    },
    "backbone": {
        "dlib_resnet": "facepipe.embed.dlib_resnet",
        "inception_resnet_v1": "facepipe.embed.inception_resnet_v1",
        "onnx": "facepipe.embed.onnx",
        "sface": "facepipe.embed.sface",
    },
}


def plugin(card: Card) -> ModuleType:
    """The module that runs the network of ``card``. Raises CardInvalid, with the architectures there are."""
    there = PLUGINS[card.role]
    if card.architecture not in there:
        raise CardInvalid(
            f"{card.path}: architecture: there is no {card.role} {card.architecture!r}; there are {', '.join(there)}"
        )
    return import_module(there[card.architecture])
