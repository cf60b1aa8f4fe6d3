"""An evaluation told to people, in English and Chinese.

verdict.py   in a sentence or two       summary.py   in lines, for the table in the shell and for the page
words.py     how shares, intervals and rates are said            page.py   the page in one file: headings, notes, parts
charts.py    its curves                                          ../mistakes.py   its pictures of the worst mistakes
"""
