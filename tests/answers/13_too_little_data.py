EXERCISES = [
    {
        "wrong": [
            "becomes = {6: 9}",
            "becomes = {6: 9, 9: 6, 2: 5, 5: 2}",
        ],
    },
    {
        "wrong": [
            "turn = layers.RandomRotation(30 / 180, fill_mode='constant')",
            "turn = layers.RandomRotation(30 / 360)",
        ],
    },
    {
        "wrong": [
            "keeps_label = lambda r, t, x, y: [(r(t(x[y == i])) == i).mean() for i in range(10)]",
            "keeps_label = lambda r, t, x, y: [(r(t(x)) == r(x))[y == i].mean() for i in range(10)]",
        ],
    },
]
