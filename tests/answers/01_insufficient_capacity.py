EXERCISES = [
    {
        "right": [
            "filters = [3] * 4",
            "filters = (4, 3, 3, 3)",
            "filters = tuple(np.full(4, 3))",
        ],
        "wrong": [
            "filters = (5,)",  # as many as the weights allow, side by side
            "filters = (6,)",  # 610 weights
        ],
        "copied": [
            "filters = (3, 3, 3, 3, 3)",
            "filters = (16,)",
            "filters = (3,)",
        ],
    },
    {
        "right": [
            "two_layers = [32, 3]",
            "two_layers = (20, 3)",
            "two_layers = 48, 3",
        ],
        "wrong": [
            "two_layers = (2, 3)",  # no more for the last layer to work with
            "two_layers = (3, 32)",  # the last layer is widened after all
        ],
        "copied": [
            "two_layers = (3,)",
            "two_layers = (3, 3, 3, 3, 3)",
        ],
    },
    {
        "right": [
            "def reach(layers):\n"
            "    pixels = 1\n"
            "    for kernel, stride in reversed(layers):\n"
            "        pixels = (pixels - 1) * stride + kernel\n"
            "    return pixels",
            "def reach(layers):\n"
            "    steps = np.cumprod([1, *(stride for _, stride in layers)])\n"
            "    return 1 + sum((kernel - 1) * step for (kernel, _), step in zip(layers, steps))",
            "def reach(layers):\n"
            "    if not layers:\n"
            "        return 1\n"
            "    (kernel, stride), *rest = layers\n"
            "    return kernel + stride * (reach(rest) - 1)",
        ],
        "wrong": [
            "reach = lambda layers: 1 + sum(kernel - 1 for kernel, _ in layers)",  # without the strides
            "def reach(layers):\n"  # the stride of a layer counted for the layer itself
            "    pixels, step = 1, 1\n"
            "    for kernel, stride in layers:\n"
            "        step *= stride\n"
            "        pixels += (kernel - 1) * step\n"
            "    return pixels",
        ],
        "copied": [
            "reach = lambda layers: 11",
        ],
    },
]
