EXERCISES = [
    {
        "wrong": [
            "channels = 2",
            "channels = 10",
        ],
    },
    {
        "wrong": [
            "squeeze = (1, 7, 1)",
            "squeeze = (1, 1, 1)",
        ],
    },
    {
        "wrong": [
            "narrowest = lambda model: min(model.layers[:-1], key=lambda layer: layer.output.shape[-1]).name",
            "narrowest = lambda model: min(model.layers, key=lambda a: np.prod(a.output.shape[1:])).name",
        ],
    },
]
