EXERCISES = [
    {
        "wrong": [
            "sgd_rate = 3e-3",
            "sgd_rate = 3.0",
        ],
    },
    {
        "wrong": [
            "schedule = keras.optimizers.schedules.CosineDecay(0.003, 600)",
            "schedule = keras.optimizers.schedules.ExponentialDecay(0.03, 600, 1.0)",
        ],
    },
    {
        "wrong": [
            "pick_rate = lambda learning_rates, losses: learning_rates[np.argmin(losses)] / 10",
            "pick_rate = lambda learning_rates, losses: learning_rates[np.nanargmin(losses)]",
        ],
    },
]
