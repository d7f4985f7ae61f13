EXERCISES = [
    {
        "wrong": [
            "bold_rate = 0.003",
            "bold_rate = 0.1",
        ],
    },
    {
        "wrong": [
            "scale = 2.0",
            "scale = 30.0",
        ],
    },
    {
        "wrong": [
            "count_dead = lambda outputs: np.all(outputs == 0, axis=0).sum()",
            "count_dead = lambda outputs: np.all(outputs == 0, axis=(0, 1, 2)).any()",
        ],
    },
]
