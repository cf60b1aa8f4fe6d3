"""What looks wrong in a gallery, and what to do about it.

examine.py      one look over a gallery: ``examine(gallery) -> Diagnosis``
enrolled.py     the gallery laid out flat, likeness in blocks
odds.py         how sure one can be, in a gallery of so many people
labels.py       references under the wrong name
twins.py        people under two names, pictures that are there twice
pictures.py     what the kept pictures show
lying.py        those on their side or head; weak.py: poor ones
finding.py      what is found; remedy.py: the commands that mend it
words.py        the same in English and Chinese; page.py: with pictures
"""

from facepipe.doctor.examine import Diagnosis as Diagnosis
from facepipe.doctor.examine import examine as examine
from facepipe.doctor.finding import Finding as Finding
from facepipe.doctor.finding import Kind as Kind
from facepipe.doctor.finding import Pictured as Pictured
