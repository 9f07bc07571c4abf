"""Where the middle of dlib's vectors lies: the mean of 39 people's, each the mean of their faces, in pictures that nothing is measured on.

`python -m benchmarks.face_centre FOLDER` makes it of any folder of pictures with faces. Another centre is another model: its embeddings
cannot be compared, and the catalogue's version of `dlib_faces` has to change with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CENTRE: NDArray[np.float32] = np.array(
    [
        -.0882, .0948, .0518, -.0539, -.0971, -.0114, -.0259, -.0875, .1513, -.0742, .1945, -.0288, -.2214, -.0382, -.0256, .1311, -.1566,
        -.1256, -.0943, -.0776, .0199, .0521, .0188, .0384, -.1382, -.3073, -.0725, -.0993, .0536, -.0813, .0017, .0606, -.1728, -.0421,
        .0343, .0605, -.0477, -.0589, .1942, .0154, -.1690, -.0064, .0535, .2660, .1807, .0045, .0295, -.0607, .1010, -.2503, .0525, .1484,
        .1090, .0802, .0798, -.1388, .0212, .1298, -.1872, .0801, .0689, -.0654, -.0447, -.0508, .1940, .0954, -.1096, -.1480, .1550,
        -.1484, -.0534, .0839, -.1083, -.1698, -.2491, .0434, .3873, .1449, -.1732, .0183, -.0594, -.0306, .0456, .0612, -.0760, -.0224,
        -.0730, .0407, .1898, -.0229, -.0263, .2151, .0103, -.0003, .0245, .0391, -.0942, -.0017, -.1073, -.0083, .0432, -.0875, .0027,
        .1033, -.1634, .1677, -.0162, -.0231, -.0085, .0140, -.0912, -.0271, .1676, -.2440, .1969, .1708, .0156, .1241, .0501, .0697,
        .0084, -.0112, -.1390, -.0920, .0457, -.0477, .0241, .0243,
    ],
    np.float32,
)  # fmt: skip
CENTRE.setflags(write=False)
