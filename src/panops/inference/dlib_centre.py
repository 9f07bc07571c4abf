"""Where the middle of dlib's vectors lies: the mean of 37 people's, each the mean of their faces, in pictures that nothing is measured on.

`python -m benchmarks.face_centre FOLDER` makes it of any folder of pictures with faces. Another centre is another model: its embeddings
cannot be compared, and the catalogue's version of `dlib_faces` has to change with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CENTRE: NDArray[np.float32] = np.array(
    [
        -.0924, .0949, .0646, -.0541, -.1009, -.0132, -.0280, -.0884, .1481, -.0773, .1942, -.0287, -.2207, -.0186, -.0346, .1379, -.1542,
        -.1184, -.0994, -.0796, .0227, .0622, .0218, .0397, -.1336, -.3053, -.0732, -.0922, .0537, -.0790, -.0009, .0548, -.1765, -.0343,
        .0357, .0645, -.0502, -.0667, .1938, .0142, -.1774, -.0008, .0610, .2595, .1845, .0055, .0260, -.0676, .0989, -.2477, .0504, .1474,
        .1080, .0812, .0779, -.1456, .0203, .1310, -.1767, .0716, .0707, -.0699, -.0359, -.0553, .1933, .0920, -.1123, -.1445, .1576,
        -.1483, -.0481, .0848, -.1094, -.1671, -.2486, .0395, .3921, .1460, -.1720, .0181, -.0651, -.0253, .0406, .0688, -.0726, -.0240,
        -.0746, .0402, .1915, -.0267, -.0198, .2169, .0128, -.0008, .0179, .0398, -.1068, -.0059, -.1064, -.0117, .0295, -.0807, .0035,
        .1103, -.1684, .1686, -.0180, -.0267, -.0063, .0191, -.0827, -.0313, .1637, -.2396, .1919, .1712, .0107, .1277, .0524, .0802,
        .0046, -.0080, -.1432, -.0897, .0442, -.0498, .0261, .0273,
    ],
    np.float32,
)  # fmt: skip
CENTRE.setflags(write=False)
