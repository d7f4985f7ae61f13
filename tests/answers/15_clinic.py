EXERCISES = [
    {
        "wrong": [
            "first_diagnosis = ['learning rate']",
            "first_diagnosis = ['excessive pooling', 'dying ReLU']",
        ],
    },
    {
        "wrong": [
            "treatment = lambda *data: second.history",
            "treatment = lambda *data: first.history",
        ],
    },
    {
        "wrong": [
            "third_diagnosis = ['noisy labels']",
            "third_diagnosis = ['noisy labels', 'batch size']",
        ],
    },
]
