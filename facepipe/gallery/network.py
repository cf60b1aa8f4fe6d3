"""The network that a gallery was made with, found among those that are here."""

from __future__ import annotations

from pathlib import Path

from facepipe.commands import typed
from facepipe.defaults import BACKBONE
from facepipe.errors import GalleryMismatch, ModelError, ModelNotFound
from facepipe.gallery.gallery import Gallery
from facepipe.networks.cards import find_card, network_name
from facepipe.networks.weights import resolve


def network_of(gallery: Gallery, weights: Path | None = None) -> str:
    """The name of the network whose templates ``gallery`` holds, the usual one where nobody was ever enrolled.

    With ``weights``, a file of one's own, it must be that network with just those. Raises GalleryMismatch: it is not
    among the models here, or only with other weights or another card; WeightsMissing, WeightsAltered,
    DependencyMissing.
    """
    made_with = gallery.backbone
    change = f"change the gallery to a network that is here ({typed('gallery upgrade', gallery.path)})"
    name = network_name(made_with or BACKBONE)
    try:
        _, id = resolve(find_card(name), weights)
    except ModelNotFound:
        raise GalleryMismatch(
            f"{gallery.path}: made with {made_with or name}, a network that is not here; add it as it was"
            f" (facepipe models add FILE.onnx --name {name}), or {change}"
        ) from None
    except ModelError as error:
        raise error.again(f"{gallery.path}: made with {name}: {error}; or {change}") from None
    if made_with not in (None, id):
        given = "those of --weights" if weights else "those here"
        raise GalleryMismatch(
            f"{gallery.path}: made with {made_with}, whose weights or card are not {given} ({id});"
            f" give the weights it was made with (--weights FILE), or {change}"
        )
    return name
