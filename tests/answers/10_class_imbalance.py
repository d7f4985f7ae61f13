EXERCISES = [
    {
        "right": [
            "recall_of = lambda matrix: np.array([row[i] / sum(row) for i, row in enumerate(matrix)])",
            "def recall_of(matrix):\n    return (matrix / matrix.sum(axis=1, keepdims=True)).diagonal()",
            "recall_of = lambda counts: np.einsum('ii->i', counts) / np.einsum('ij->i', counts)",
        ],
        "wrong": [
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum(axis=0)",
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum()",
        ],
        "copied": [
            "recall_of = lambda matrix: np.full(len(matrix), 0.67)",
        ],
    },
    {
        "right": [
            "def class_weights(labels):\n"
            "    kinds, counts = np.unique(labels, return_counts=True)\n"
            "    return {int(k): len(labels) / len(kinds) / n for k, n in zip(kinds, counts)}",
            "class_weights = lambda y: {k: len(y) / (len({*y}) * np.sum(y == k)) for k in {*y.tolist()}}",
            "def class_weights(labels):\n"
            "    counts = np.bincount(labels)\n"
            "    return dict(enumerate(counts.mean() / counts))",
        ],
        "wrong": [
            "class_weights = lambda labels: dict(enumerate(np.bincount(labels) / len(labels)))",
            "class_weights = lambda y: {str(k): len(y) / (3 * n) for k, n in enumerate(np.bincount(y))}",
        ],
        "copied": [
            "class_weights = lambda labels: "
            "dict(enumerate(compute_class_weight('balanced', classes=np.arange(10), y=y)))",
        ],
    },
    {
        "right": [
            "best_answers = lambda bets, trained, met: np.argmax(bets * (met / trained), axis=1)",
            "best_answers = lambda bets, trained, met: np.argmax(np.log(bets) + np.log(met / trained), 1)",
            "def best_answers(probabilities, trained, met):\n"
            "    worth = [[p * m / t for p, t, m in zip(row, trained, met)] for row in probabilities]\n"
            "    return np.array([row.index(max(row)) for row in worth])",
        ],
        "wrong": [
            "best_answers = lambda probabilities, trained, met: (probabilities * met).argmax(axis=1)",
            "best_answers = lambda probabilities, trained, met: (probabilities / met).argmax(axis=1)",
        ],
        "copied": [
            "best_answers = lambda bets, shares, met: (bets / shares).argmax(axis=1)",
        ],
    },
]
