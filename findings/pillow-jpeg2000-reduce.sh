#!/usr/bin/env bash
# Pillow 13.0.0: a JPEG 2000 picture that is asked for at a part of its size (`picture.reduce = N`) loads only where its
# sides, divided by 2**N, round to the nearest as they round up. OpenJPEG makes a reduced picture of ceil(side / 2**N);
# Pillow makes room for int((side + 2**(N-1)) / 2**N), and then takes the whole, valid file for broken.
#
# Seen, for squares of which each loads at its full size:
#   reduce 1: sides 64, 65, 66, 67 all load (one half is rounded up)
#   reduce 2: sides 64, 66, 67 load; 65 raises OSError "broken data stream when reading image file"
#   reduce 3: sides 64, 68 and 71 load; 65, 66, 67 raise the same
# A guess would be that any side will do, as with the draft mode of JPEG.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "pillow==13.0.0"
"$folder/venv/bin/python" - <<'PYTHON'
import io

import PIL
from PIL import Image, features

print(f"Pillow {PIL.__version__}, OpenJPEG {features.version('jpg_2000')}")


def loads(side, reduce):
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).save(stream, "JPEG2000", num_resolutions=6)
    stream.seek(0)
    picture = Image.open(stream)
    picture.reduce = reduce
    try:
        picture.load()
    except OSError as error:
        print(f"side {side}, reduce {reduce}: {error}")
        return False
    print(f"side {side}, reduce {reduce}: {picture.size}")
    return True


def fits(side, reduce):
    return int((side + 2 ** (reduce - 1)) / 2**reduce) == -(-side // 2**reduce)


for reduce in (0, 1, 2, 3):
    for side in range(64, 73):
        assert loads(side, reduce) == (reduce == 0 or fits(side, reduce)), (side, reduce)
print("as described")
PYTHON
