EXERCISES = [
    {
        "right": [
            "adam_rate = 0.003",
            "adam_rate = np.sqrt(1e-3 * 1e-2)",
            "adam_rate = float(keras.optimizers.Adam().learning_rate) * 2",
        ],
        "wrong": [
            "adam_rate = 0.0001",
            "adam_rate = 0.3",
        ],
        "copied": [
            "adam_rate = 0.03",
            "adam_rate = 0.1",
        ],
    },
    {
        "right": [
            "schedule = keras.optimizers.schedules.PiecewiseConstantDecay([6 * 94], [0.1, 0.02])",
            "class Drop(keras.optimizers.schedules.LearningRateSchedule):\n"
            "    def __call__(self, step):\n"
            "        return keras.ops.where(step < 94 * EPOCHS // 2, 0.1, 0.02)\n"
            "schedule = Drop()",
            "schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 5 * 94, 0.3, staircase=True)",
        ],
        "wrong": [
            "schedule = keras.optimizers.schedules.PiecewiseConstantDecay([5 * 94], [0.1, 0.0001])",
            "schedule = keras.optimizers.schedules.PiecewiseConstantDecay([930], [0.1, 0.03])",
        ],
        "copied": [
            "schedule = keras.optimizers.schedules.CosineDecay(0.1, 94 * EPOCHS)",
        ],
    },
    {
        "right": [
            "def pick_rate(learning_rates, losses):\n"
            "    smoothed = np.convolve(np.nan_to_num(losses, nan=99.0), np.ones(3) / 3, mode='same')\n"
            "    return learning_rates[1:-1][smoothed[1:-1].argmin()] / 10",
            "def pick_rate(learning_rates, losses):\n"
            "    known = ~np.isnan(losses)\n"
            "    rates, losses = learning_rates[known], losses[known]\n"
            "    medians = [np.median(losses[max(i - 1, 0) : i + 2]) for i in range(len(losses))]\n"
            "    return rates[int(np.argmin(medians))] / 10",
            "def pick_rate(learning_rates, losses):\n"
            "    mean, lowest, best = losses[0], losses[0], learning_rates[0]\n"
            "    for rate, loss in zip(learning_rates, losses):\n"
            "        mean = 0.6 * mean + 0.4 * loss\n"
            "        if mean < lowest:\n"
            "            lowest, best = mean, rate\n"
            "    return best / 10",
        ],
        "wrong": [
            "pick_rate = lambda learning_rates, losses: learning_rates[np.nanargmin(np.diff(losses))] / 10",
            "pick_rate = lambda learning_rates, losses: learning_rates[np.nanargmax(losses)] / 10",
        ],
        "copied": [
            "pick_rate = lambda learning_rates, losses: learning_rates[np.nanargmin(losses)] / 10",
        ],
    },
]
