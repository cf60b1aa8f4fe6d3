"""A pipeline looked into: its networks as they saw a face, dumps of what they put out, the page that explains it.

explain.py        a face, or two, explained: the verb          dump.py       what every layer put out, written to a file
subject.py        the face that is looked into                 survey.py     the faces of many images, for a dump
networks_of.py    the networks of a pipeline                   finding.py    how the face was found
chosen_views.py   the views, filled                            writers.py    tensors, row by row, into one file
graphs/           networks as graphs of layers                 views/        one module computes, one ..._view shows
"""
