"""The shell: a command is about one call of the library.

app.py puts the commands together; options.py has what several share, output.py what is printed and how. Each of the
others is a command or a group of them, by its name; webcam.py, window.py, film.py, snapshots.py and album.py serve the
camera and the pictures that are written.
"""
