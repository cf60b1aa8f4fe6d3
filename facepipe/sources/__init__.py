"""Where pictures come from: files and folders of images, video files, local cameras, streams."""

from facepipe.sources.base import Patience, Source
from facepipe.sources.open import open_source
from facepipe.sources.people import PeopleFolder, find_people, labelled_pictures, people_folders
from facepipe.sources.pictures import FoundImages, find_images, image_files
from facepipe.sources.searching import IMAGE_SUFFIXES, LeftOut

__all__ = [
    "IMAGE_SUFFIXES",
    "FoundImages",
    "LeftOut",
    "Patience",
    "PeopleFolder",
    "Source",
    "find_images",
    "find_people",
    "image_files",
    "labelled_pictures",
    "open_source",
    "people_folders",
]
