"""What the tests of folders share."""


def relative(paths, root):
    return [path.relative_to(root).as_posix() for path in paths]
