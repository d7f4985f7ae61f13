EXERCISES = [
    {
        "right": [
            "truth = lambda read, share: (9 * read - share) / (9 - 10 * share)",
            "def truth(read, share):\n"
            "    named = np.linspace(0, 1, 10_001)\n"
            "    expected = (1 - share) * named + share * (1 - named) / 9\n"
            "    return named[np.argmin(np.abs(expected - read))]",
            "def truth(read, share):\n"
            "    (agree, lucky), seen = np.array([[1 - share, share / 9], [1, 1]]), [read, 1]\n"
            "    return np.linalg.solve([agree, lucky], seen)[0]",
        ],
        "wrong": [
            "truth = lambda read, share: read / (1 - share)",
            "truth = lambda read, share: read + share * (1 - read)",
        ],
        "copied": [
            "truth = lambda read, share: 0.8",
        ],
    },
    {
        "right": [
            "smooth = lambda labels, smoothing: (1 - smoothing) * np.eye(10)[labels] + smoothing / 10",
            "def smooth(labels, smoothing):\n"
            "    rows = np.full((len(labels), 10), smoothing / 10)\n"
            "    rows[np.arange(len(labels)), labels] += 1 - smoothing\n"
            "    return rows",
            "smooth = lambda labels, s: np.asarray(tf.one_hot(labels, 10, 1 - 0.9 * s, s / 10))",
        ],
        "wrong": [
            "smooth = lambda y, s: np.where(keras.utils.to_categorical(y, 10) == 1, 1 - s, s / 9)",
            "smooth = lambda y, s: keras.utils.to_categorical(y, 10) + s / 10",
        ],
        "copied": [
            "smooth = lambda labels, smoothing: keras.utils.to_categorical(labels, 10)",
        ],
    },
    {
        "right": [
            "def find_suspects(labels, probabilities):\n"
            "    own = np.eye(probabilities.shape[1], dtype=bool)[labels]\n"
            "    usual = np.where(own, probabilities, 0).sum(axis=0) / own.sum(axis=0)\n"
            "    return ((probabilities >= usual) & ~own).any(axis=1)",
            "def find_suspects(labels, probabilities):\n"
            "    usual = [probabilities[labels == c, c].mean() for c in np.unique(labels)]\n"
            "    others = [[c for c in range(len(usual)) if c != label] for label in labels]\n"
            "    rows = zip(probabilities, others)\n"
            "    return np.array([any(row[c] >= usual[c] for c in other) for row, other in rows])",
            "def find_suspects(labels, probabilities):\n"
            "    rows, usual = probabilities.copy(), np.zeros(probabilities.shape[1])\n"
            "    for c in range(len(usual)):\n"
            "        usual[c] = probabilities[labels == c, c].mean()\n"
            "        rows[labels == c, c] = -1\n"
            "    return (rows >= usual).max(axis=1)",
        ],
        "wrong": [
            "find_suspects = lambda y, p: p.argmax(axis=1) != y",
            "find_suspects = lambda y, p: (p.argmax(1) != y) & (p.max(1) >= p[np.arange(len(y)), y].mean())",
        ],
        "copied": [
            "find_suspects = lambda labels, odds: odds[np.arange(len(labels)), labels] < 0.5",
        ],
    },
]
