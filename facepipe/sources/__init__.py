"""Where pictures come from: files and folders of images, video files, local cameras, streams."""

from facepipe.sources.base import Patience, Source
from facepipe.sources.open import open_source
from facepipe.sources.pictures import IMAGE_SUFFIXES, image_files, labelled_pictures, people_folders

__all__ = ["IMAGE_SUFFIXES", "Patience", "Source", "image_files", "labelled_pictures", "open_source", "people_folders"]
