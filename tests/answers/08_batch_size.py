EXERCISES = [
    {
        "wrong": [
            "updates = lambda images, batch_size, epochs: images // batch_size * epochs",
            "updates = lambda images, batch_size, epochs: int(np.ceil(images * epochs / batch_size))",
        ],
    },
    {
        "wrong": [
            "epochs = 3",
            "epochs = 141 // 6",
        ],
    },
    {
        "wrong": [
            "rate = 0.4",
            "rate = 0.001",
        ],
    },
]
