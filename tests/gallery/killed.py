"""A script that kills itself at each statement of a transaction in turn, with half of it in the file already."""

_SCRIPT = """
import os, shutil, signal
from facepipe.gallery import Gallery
IMPORTS

path, copies, *what = sys.argv[1:]
for number in range(1, 500):
    target = f"{copies}/{number}.db"
    shutil.copy(path, target)
    child = os.fork()
    if not child:
        gallery = Gallery.open(target)
        sql, left = gallery._hold._record.sql, number
        sql.execute("PRAGMA cache_size = 1")
        sql.execute("PRAGMA cache_spill = 1")
        def count(statement):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        sql.set_trace_callback(count)
        ACT
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(number)
        break
"""


def at_each_statement(imports: str, act: str) -> str:
    """For the gallery of its first argument, in copies of it in the folder of its second: prints at which number it
    came to the end of ``act``, a statement on ``gallery`` that may use further arguments, ``what``."""
    return _SCRIPT.replace("IMPORTS", imports).replace("ACT", act)
