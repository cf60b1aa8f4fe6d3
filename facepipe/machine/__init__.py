"""The machine that all this runs on.

devices.py   CPU or GPU, and the threads that share the work   threads.py       a pool that ends with its owner
forks.py     what a child process may keep of its parent       memory.py        running out of it, told plainly
lazy.py      values made when first asked for                  dependencies.py  packages that are missing or broken
"""
