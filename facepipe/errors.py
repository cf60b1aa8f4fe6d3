"""Every error facepipe raises on purpose, on one page.

Each class has a stable ``code`` (the same in the shell, in Python and over HTTP) and the ``http`` status it maps to.
A message is one line: path or value, what was expected, what to do. The shell prints it; exit code 1, of UsageError 2.

    FacepipeError
    ├── UsageError                  a parameter out of range, an unknown name
    ├── WriteFailed                 a file could not be written: no room, no permission
    ├── ImageError                  one input picture cannot be used
    │   ├── ImageNotFound  ImageEmpty  ImageTruncated  ImageDamaged  ImageTooLarge  ImageTooSmall  ImageFormatError
    ├── SourceError                 a camera, stream or video file cannot be used
    │   ├── SourceNotFound  SourceRefused  SourceDamaged
    ├── FaceError                   the picture is fine, the faces in it are not what was asked for
    │   ├── NoFace  SeveralFaces  PoorShot  EmbeddingInvalid  SeveralPeople  EnrolledAlready
    ├── ModelError: ModelNotFound  CardInvalid  WeightsMissing  WeightsAltered  DeviceUnavailable  DependencyMissing
    ├── GalleryError
    │   ├── GalleryNotFound  GalleryCorrupt  GalleryMismatch  GalleryReadOnly  GalleryDenied  GalleryFull  GalleryBusy
    │   └── ChangeRefused  NameInvalid  PersonNotFound  ReferenceNotFound  PersonExists  VectorInvalid  ArchiveInvalid
    └── ServerError                 the server refuses a request, whatever it asks for
        ├── KeyMissing  KeyWrong  ScopeMissing  OriginRefused  AnotherGallery  PathNotFound  MethodRefused
        └── BodyTooLarge  BodyTooSlow  BodyFormat  RateLimited  ServerBusy  KeyNotFound
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

Error = TypeVar("Error", bound="FacepipeError")
Details = Sequence[Mapping[str, Any]]


class FacepipeError(Exception):
    """The root: catch this to catch everything facepipe raises on purpose.

    What else is given by keyword is kept under the same name; ``details``: of each input, where there are several, for
    JSON.
    """

    code = "error"
    http = 500

    def __init__(self, message: str = "", *, details: Details | None = None) -> None:
        super().__init__(message)
        self.details = details

    def again(self: Error, message: str | None = None, **changed: Any) -> Error:
        """The same error in other words, or with something else beside them."""
        kept = {name: value for name, value in vars(self).items() if not name.startswith("_")}  # no notes of Python's
        return type(self)(str(self) if message is None else message, **(kept | changed))


class UsageError(FacepipeError):
    code = "usage"
    http = 422


class WriteFailed(FacepipeError):
    code = "write-failed"
    http = 507


class ImageError(FacepipeError):
    code = "image"
    http = 422


class ImageNotFound(ImageError):
    code = "image-not-found"
    http = 404


class ImageEmpty(ImageError):
    code = "image-empty"
    http = 400


class ImageTruncated(ImageError):
    code = "image-truncated"


class ImageDamaged(ImageError):
    code = "image-damaged"


class ImageTooLarge(ImageError):
    code = "image-too-large"
    http = 413


class ImageTooSmall(ImageError):
    code = "image-too-small"


class ImageFormatError(ImageError):
    code = "image-format"
    http = 415


class SourceError(FacepipeError):
    code = "source"
    http = 422


class SourceNotFound(SourceError):
    code = "source-not-found"
    http = 404


class SourceRefused(SourceError):
    code = "source-refused"
    http = 415


class SourceDamaged(SourceError):
    code = "source-damaged"


class FaceError(FacepipeError):
    code = "face"
    http = 422


class NoFace(FaceError):
    code = "no-face"


class SeveralFaces(FaceError):
    code = "several-faces"


class PoorShot(FaceError):
    """``problems``: what is wrong, as codes of facepipe.enroll.gate.Problem."""

    code = "poor-shot"

    def __init__(self, message: str = "", *, problems: Sequence[str] = (), details: Details | None = None) -> None:
        super().__init__(message, details=details)
        self.problems = tuple(problems)


class EmbeddingInvalid(FaceError):
    code = "embedding-invalid"


class SeveralPeople(FaceError):
    code = "several-people"


class EnrolledAlready(FaceError):
    """``person``: the name the face is known under."""

    code = "enrolled-already"
    http = 409

    def __init__(self, message: str = "", *, person: str | None = None, details: Details | None = None) -> None:
        super().__init__(message, details=details)
        self.person = person


class ModelError(FacepipeError):
    code = "model"


class ModelNotFound(ModelError):
    code = "model-not-found"
    http = 404


class CardInvalid(ModelError):
    code = "card-invalid"


class WeightsMissing(ModelError):
    code = "weights-missing"
    http = 503


class WeightsAltered(ModelError):
    code = "weights-altered"


class DeviceUnavailable(ModelError):
    code = "device-unavailable"
    http = 503


class DependencyMissing(ModelError):
    code = "dependency-missing"
    http = 503


class GalleryError(FacepipeError):
    code = "gallery"


class GalleryNotFound(GalleryError):
    code = "gallery-not-found"
    http = 404


class GalleryCorrupt(GalleryError):
    code = "gallery-corrupt"


class GalleryMismatch(GalleryError):
    code = "gallery-mismatch"
    http = 409


class GalleryReadOnly(GalleryError):
    code = "gallery-read-only"
    http = 507


class GalleryDenied(GalleryError):
    code = "gallery-denied"
    http = 507


class GalleryFull(GalleryError):
    code = "gallery-full"
    http = 507


class GalleryBusy(GalleryError):
    code = "gallery-busy"
    http = 503


class ChangeRefused(GalleryError):
    code = "change-refused"
    http = 409


class NameInvalid(GalleryError):
    code = "name-invalid"
    http = 422


class PersonNotFound(GalleryError):
    code = "person-not-found"
    http = 404


class ReferenceNotFound(GalleryError):
    code = "reference-not-found"
    http = 404


class PersonExists(GalleryError):
    code = "person-exists"
    http = 409


class VectorInvalid(GalleryError):
    code = "vector-invalid"
    http = 422


class ArchiveInvalid(GalleryError):
    code = "archive-invalid"
    http = 422


class ServerError(FacepipeError):
    """``retry_after``: seconds after which it may go better."""

    code = "server"

    def __init__(self, message: str = "", *, retry_after: float | None = None, details: Details | None = None) -> None:
        super().__init__(message, details=details)
        self.retry_after = retry_after


class KeyMissing(ServerError):
    code = "key-missing"
    http = 401


class KeyWrong(ServerError):
    code = "key-wrong"
    http = 401


class ScopeMissing(ServerError):
    code = "scope-missing"
    http = 403


class OriginRefused(ServerError):
    code = "origin-refused"
    http = 403


class AnotherGallery(ServerError):
    code = "another-gallery"
    http = 412


class BodyTooLarge(ServerError):
    code = "body-too-large"
    http = 413


class BodyTooSlow(ServerError):
    code = "body-too-slow"
    http = 408


class RateLimited(ServerError):
    code = "rate-limited"
    http = 429


class ServerBusy(ServerError):
    code = "server-busy"
    http = 503


class KeyNotFound(ServerError):
    code = "key-not-found"
    http = 404


class BodyFormat(ServerError):
    code = "body-format"
    http = 415


class PathNotFound(ServerError):
    code = "not-found"
    http = 404


class MethodRefused(ServerError):
    code = "method-not-allowed"
    http = 405
