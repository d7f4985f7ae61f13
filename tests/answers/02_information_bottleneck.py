EXERCISES = [
    {
        "right": [
            "channels = round(np.sqrt(4))",
            "channels = np.int64(2)",
            "channels = [count for count in (1, 2, 4) if count < 4][-1]",
        ],
        "wrong": [
            "channels = 10",  # one for each class
            "channels = 1",  # the network that stalls: twice as many do not beat the linear model
        ],
        "copied": [
            "channels = 32",
            "channels = 16",
        ],
    },
    {
        "right": [
            "squeeze = [(8, 4, 3)]",
            "squeeze = ((2, 1, 2),)",
            "squeeze = [(8, 3, 2), (8, 2, 1)]",
        ],
        "wrong": [
            "squeeze = [(1, 1, 1)]",  # 49 numbers
            "squeeze = [(8, 1, 4)]",  # 32 numbers, but three of four rows and columns are never looked at
        ],
        "copied": [
            "squeeze = [(32, 7, 1)]",
            "squeeze = [(16, 3, 2), (32, 3, 1)]",
        ],
    },
    {
        "right": [
            "import pandas as pd\n"
            "def ceiling(codes, y):\n"
            "    return pd.crosstab(codes, y).max(axis=1).sum() / len(y)",
            "def ceiling(codes, y):\n"
            "    right = 0\n"
            "    for code in set(codes.tolist()):\n"
            "        classes = [label for label, other in zip(y.tolist(), codes.tolist()) if other == code]\n"
            "        right += max(classes.count(label) for label in classes)\n"
            "    return right / len(codes)",
            "def ceiling(codes, y):\n"
            "    _, places = np.unique(codes, return_inverse=True)\n"
            "    table = np.zeros((places.max() + 1, y.max() + 1))\n"
            "    np.add.at(table, (places, y), 1)\n"
            "    return table.max(axis=1).sum() / table.sum()",
        ],
        "wrong": [
            # as many classes as there are codes
            "ceiling = lambda codes, y: min(1, len(np.unique(codes)) / len(np.unique(y)))",
            # every code counts the same, however many images have it
            "def ceiling(codes, y):\n"
            "    groups = [y[codes == code] for code in np.unique(codes)]\n"
            "    return np.mean([np.bincount(group).max() / len(group) for group in groups])",
        ],
        "copied": [
            "def ceiling(codes, y):\n"
            "    reader = KNeighborsClassifier(5).fit(codes.reshape(-1, 1), y)\n"
            "    return reader.score(codes.reshape(-1, 1), y)",
        ],
    },
]
