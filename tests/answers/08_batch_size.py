EXERCISES = [
    {
        "right": [
            "epochs = 20",
            "epochs = 5 * 16 // 4",
            "epochs = -(-5 * -(-1000 // 64) // -(-1000 // 300))",
        ],
        "wrong": [
            "epochs = int(np.ceil(5 * 300 / 64))",
            "epochs = int(np.ceil(5 * (1000 // 64) / (1000 // 300)))",
        ],
        "copied": [
            "epochs = EPOCHS",
            "epochs = 40",
        ],
    },
    {
        "right": [
            "optimizer = SGD(0.2, momentum=0.9)",
            "optimizer = SGD(0.1, momentum=0.9, nesterov=True)",
            "optimizer = keras.optimizers.Adam(0.01)",
        ],
        "wrong": [
            "optimizer = SGD(0.1 * 250 / 16)",
            "optimizer = SGD(0.01, momentum=0.9)",
        ],
        "copied": [
            "optimizer = SGD(0.1)",
            "optimizer = SGD(CosineDecay(0.0, 1, 1.0, warmup_target=3.125, warmup_steps=24))",
        ],
    },
    {
        "right": [
            "accumulating = SGD(learning_rate=0.1, momentum=0.0, gradient_accumulation_steps=4)",
            "accumulating = keras.optimizers.get({'class_name': 'SGD', "
            "'config': {'learning_rate': 0.1, 'gradient_accumulation_steps': 4}})",
            "accumulating = SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 1, 1.0), "
            "gradient_accumulation_steps=4)",
        ],
        "wrong": [
            "accumulating = SGD(0.4, gradient_accumulation_steps=4)",
            "accumulating = SGD(0.1 / 4)",
        ],
        "copied": [
            "accumulating = SGD(0.1)",
            "accumulating = SGD(0.1, momentum=0.9)",
        ],
    },
]
