EXERCISES = [
    {
        "wrong": [
            "to_one = layers.Rescaling(1 / 127.5)",
            "to_one = layers.Rescaling(1 / 127.5, offset=-127.5)",
        ],
    },
    {
        "wrong": [
            "standardize = lambda x: (x - x.mean()) / x.std()",
            "standardize = lambda x, a=(1, 2, 3): (x - x.mean(a, keepdims=True)) / x.std(a, keepdims=True)",
        ],
    },
    {
        "wrong": [
            "mirrored = lambda x, v: [i for i, a in enumerate(x) if (a == v).all((1, 2, 3)).any()]",
            "mirrored = lambda x, v: [i for i, a in enumerate(x) if (a[::-1] == v).all((1, 2, 3)).any()]",
        ],
    },
]
