EXERCISES = [
    {
        "wrong": [
            "measured = 0.6 * 0.8",
            "measured = 0.8 - 0.4",
        ],
    },
    {
        "wrong": [
            "smooth = lambda y, s: np.where(keras.utils.to_categorical(y, 10) == 1, 1 - s, s / 9)",
            "smooth = lambda y, s: keras.utils.to_categorical(y, 10) + s / 10",
        ],
    },
    {
        "wrong": [
            "find_suspects = lambda y, p: p.argmax(axis=1) != y",
            "find_suspects = lambda y, p: (p.argmax(1) != y) & (p.max(1) >= p[np.arange(len(y)), y].mean())",
        ],
    },
]
