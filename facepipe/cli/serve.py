"""serve: the same verbs over HTTP, live recognition, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facepipe.cli import options as opt
from facepipe.serve.settings import Settings

Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="HOST", help="Another name that the server answers to. Repeatable."),
]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        "--origin",
        metavar="URL",
        help="A site whose pages may call with a key, such as https://example.org. Repeatable.",
    ),
]
RootPath = Annotated[
    str | None,
    typer.Option("--root-path", metavar="PATH", help="The path under which a proxy has the server, such as /facepipe."),
]


def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen. For other machines to reach it, there must be an API key.",
        ),
    ] = Settings.host,
    port: Annotated[
        int, typer.Option("--port", "-p", metavar="PORT", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = Settings.port,
    name: Names = None,
    origin: Origins = None,
    root_path: RootPath = None,
    require_key: Annotated[bool, typer.Option("--require-key", help="Ask for an API key on this machine too.")] = False,
    cert: Annotated[
        Path | None, typer.Option("--cert", metavar="FILE", readable=False, help="A certificate (PEM), for https.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", readable=False, help="The certificate's private key.")
    ] = None,
    gallery: opt.GalleryPath = None,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Start the web page, the HTTP API and live recognition.

    Open the printed address in a browser. Ctrl-C ends it.
    """
    from facepipe.serve import server

    settings = Settings(
        host=host,
        port=port,
        names=tuple(name or ()),
        origins=tuple(origin or ()),
        root_path=root_path or Settings.root_path,
        require_key=require_key,
        certificate=cert,
        private_key=key_file,
    )
    listening = server.listen(settings)  # before the networks load: what is wrong with it is said at once
    from facepipe.serve.app import create_app

    with listening, opt.gallery_with_network(gallery, backbone, weights, create=True) as (people, network):
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        server.run(settings, create_app(settings, pipe, people), listening)
