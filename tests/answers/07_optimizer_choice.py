EXERCISES = [
    {
        "right": [
            "weight = -0.00947",
            "weight = -0.01 * (1 - 0.01 / 0.19)",
            "mean, size, weight = 0.0, 0.0, 0.0\n"
            "for t, gradient in enumerate([1, -1], start=1):\n"
            "    mean, size = 0.9 * mean + 0.1 * gradient, 0.999 * size + 0.001 * gradient**2\n"
            "    weight -= 0.01 * mean / (1 - 0.9**t) / (np.sqrt(size / (1 - 0.999**t)) + 1e-7)",
        ],
        "wrong": [
            "weight = -0.01 + 0.001",
            "weight = -0.01 + 0.01 * 0.01",
        ],
        "copied": [
            "weight = 0.0",
            "weight = -0.01",
        ],
    },
    {
        "right": [
            "optimizer = keras.optimizers.AdamW(0.003)",
            "optimizer = keras.optimizers.Lamb(0.01)",
            "optimizer = keras.optimizers.Adafactor(learning_rate=0.01)",
        ],
        "wrong": [
            "optimizer = keras.optimizers.Adagrad()",
            "optimizer = keras.optimizers.Ftrl()",
        ],
        "copied": [
            "optimizer = RMSprop(0.01)",
            "optimizer = SGD(1e5, clipnorm=1e-6)",
        ],
    },
    {
        "right": [
            "def lion(gradient, state, rate):\n"
            "    mean = state.setdefault('mean', 0.0)\n"
            "    state['mean'] += 0.01 * (gradient - mean)\n"
            "    return -rate if 9 * mean + gradient > 0 else rate",
            "def lion(gradient, state, rate):\n"
            "    mean = state.get('mean', 0)\n"
            "    state['mean'] = np.average([mean, gradient], weights=[0.99, 0.01])\n"
            "    return -np.sign(mean + (gradient - mean) / 10) * rate",
            "def lion(gradient, state, rate):\n"
            "    old, state['mean'] = state.get('mean', 0), 0.99 * state.get('mean', 0) + 0.01 * gradient\n"
            "    return -rate * np.copysign(1.0, 0.9 * old + 0.1 * gradient)",
        ],
        "wrong": [
            "lion = lambda gradient, state, rate: -rate * np.sign(gradient)",
            "def lion(gradient, state, rate):\n"
            "    state['mean'] = 0.99 * state.get('mean', 0) + 0.01 * gradient\n"
            "    return -rate * np.sign(0.9 * state['mean'] + 0.1 * gradient)",
        ],
        "copied": [
            "def lion(gradient, state, rate):\n"
            "    state['step'] = 0.9 * state.get('step', 0) - rate * gradient\n"
            "    return state['step']",
        ],
    },
]
