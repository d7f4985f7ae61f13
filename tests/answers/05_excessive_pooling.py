EXERCISES = [
    {
        "right": [
            "first_row = 9.0",
            "first_row = 5 + 2 * (1 + 1)  # one cell for the response, one for the mark of the padding",
            "first_row = np.int64(3) ** 2",
        ],
        "wrong": [
            "first_row = 7",
            "first_row = 10",
        ],
        "copied": [
            "first_row = 5",
        ],
    },
    {
        "right": [
            "more_layers = lambda: [layers.Conv2D(16, 3, padding='same', activation='relu') for _ in 'four']",
            "more_layers = lambda: [layers.MaxPool2D(2), layers.Conv2D(32, 5, 1, 'same', activation='relu')]",
            "def more_layers():\n"
            "    reach = {'padding': 'same', 'activation': 'relu'}\n"
            "    return [layers.Conv2D(32, 3, strides=2, **reach), layers.Conv2D(32, 3, **reach)]",
        ],
        "wrong": [
            "more_layers = lambda: [layers.Conv2D(64, 1, activation='relu') for _ in range(2)]",
            "more_layers = lambda: [layers.MaxPooling2D(2)]",
        ],
        "copied": [
            "more_layers = lambda: [layers.Conv2D(16, 3, padding='same', activation='relu')]",
        ],
    },
    {
        "right": [
            "def map_size(size, steps):\n"
            "    for kernel, stride, padding in steps:\n"
            "        size = -(-(size if padding == 'same' else size - kernel + 1) // stride)\n"
            "    return size",
            "def map_size(size, steps):\n"
            "    for kernel, stride, padding in steps:\n"
            "        last = size if padding == 'same' else size - kernel + 1\n"
            "        size = len(range(0, last, stride))\n"
            "    return size",
            "def map_size(size, steps):\n"
            "    if not steps:\n"
            "        return size\n"
            "    kernel, stride, padding = steps[0]\n"
            "    if padding == 'same':\n"
            "        return map_size(int(np.ceil(size / stride)), steps[1:])\n"
            "    return map_size(int(np.ceil((size - kernel + 1) / stride)), steps[1:])",
        ],
        "wrong": [
            "map_size = lambda size, steps: [size := size // s for _, s, _ in steps][-1]",
            "map_size = lambda size, steps: [size := (size - k) // s + 1 for k, s, _ in steps][-1]",
        ],
        "copied": [
            "map_size = lambda size, steps: [size := -(-size // s) for _, s, _ in steps][-1]",
        ],
    },
]
