"""What every HTML page shares: one file that works offline, in English and Chinese.

view.py   what a page shows: words, pictures, charts, tables, checks      page.py   … as HTML, and as PNG files
templates/   its look, and the switch of the language
"""
