"""Templates + names → candidates. SQLite is the record, FAISS the index derived from it.

gallery.py     Gallery: all the verbs                     hold.py        a process's hold on its files
base.py        what goes in and comes out; the Protocol of an index
store.py       the record's queries (people, references)  database.py   its file and transactions
schema.py      its tables                                 faults.py     what its errors mean
live_index.py  the index that follows the record          faiss_index.py, index_file.py   its two halves
archive.py     export and import                          network.py     what it was made with
thresholds.py  from which score on a face gets a name     rows.py, check.py, names.py
"""

from facepipe.gallery.base import GalleryInfo, NewReference, Person, Strangers, Tally
from facepipe.gallery.gallery import Gallery

__all__ = ["Gallery", "GalleryInfo", "NewReference", "Person", "Strangers", "Tally"]
