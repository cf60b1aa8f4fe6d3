"""Where pictures come from: files and folders of images, video files, local cameras, streams.

open.py       any of them opened; base.py: what a source is, pace.py: its clock
pictures.py   image files and folders (searching.py); people.py: a folder for each person; stills.py: images as frames
video.py      video files: containers.py, mp4.py, codecs.py, aspect.py look at them, capture.py and pyav.py decode
live.py       cameras (devices.py) and streams (addresses.py, mjpeg.py); threaded.py, handover.py: frames of a thread
checked.py, spoilt.py   is a picture one that was decoded?
"""

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
