EXERCISES = [
    {
        "wrong": [
            "learning_rate = 0.01",
            "learning_rate = 1.0",
        ],
    },
    {
        "wrong": [
            "optimizer = SGD(learning_rate=0.1, weight_decay=0.001)",
            "optimizer = Adam()",
        ],
    },
    {
        "wrong": [
            "momentum_step = lambda w, v, g, rate, m: (w - rate * g, v)",
            "momentum_step = lambda w, v, g, rate, m: (w + v, m * v - rate * g)",
        ],
    },
]
