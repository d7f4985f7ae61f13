EXERCISES = [
    {
        "wrong": [
            "pool_size = 2",
            "pool_size = 14",
        ],
    },
    {
        "wrong": [
            "more_layers = lambda: [layers.Conv2D(64, 1, activation='relu') for _ in range(2)]",
            "more_layers = lambda: [layers.MaxPooling2D(2)]",
        ],
    },
    {
        "wrong": [
            "map_size = lambda size, steps: [size := size // s for _, s, _ in steps][-1]",
            "map_size = lambda size, steps: [size := (size - k) // s + 1 for k, s, _ in steps][-1]",
        ],
    },
]
