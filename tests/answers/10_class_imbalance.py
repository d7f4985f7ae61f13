EXERCISES = [
    {
        "wrong": [
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum(axis=0)",
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum()",
        ],
    },
    {
        "wrong": [
            "class_weights = lambda labels: dict(enumerate(np.bincount(labels) / len(labels)))",
            "class_weights = lambda y: {str(k): len(y) / (3 * n) for k, n in enumerate(np.bincount(y))}",
        ],
    },
    {
        "wrong": [
            "best_answers = lambda probabilities, trained, met: (probabilities / trained).argmax(axis=1)",
            "best_answers = lambda probabilities, trained, met: (probabilities / met).argmax(axis=1)",
        ],
    },
]
