EXERCISES = [
    {
        "wrong": [
            "depth = 1",
            "depth = 4",
        ],
    },
    {
        "wrong": [
            "initializer = 'he_normal'",
            "initializer = keras.initializers.RandomNormal(stddev=0.05)",
        ],
    },
    {
        "wrong": [
            "largest_slope = lambda f: np.max(f(np.linspace(-5, 5, 1001)))",
            "largest_slope = lambda f: (f(0.001) - f(-0.001)) / 0.002",
        ],
    },
]
