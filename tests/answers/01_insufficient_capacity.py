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
            "up_to_three = [32, 16, 3]",
            "up_to_three = tuple(np.array([24, 24, 3]))",
            "up_to_three = 3, 3, 3",
        ],
        "wrong": [
            "up_to_three = (32,)",
            "up_to_three = (3, 32)",  # the last layer is widened after all
        ],
        "copied": [
            "up_to_three = (3,)",
            "up_to_three = (3, 3, 3, 3, 3)",
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
