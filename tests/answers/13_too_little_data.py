EXERCISES = [
    {
        "right": [
            "becomes = {9: 6, 6: 9}",
            "becomes = dict([(6, 9), (9, 6)])",
            "becomes = {}\n"
            "for digit in range(10):\n"
            "    turned = read(digits[1000:, ::-1, ::-1][digit_labels[1000:] == digit])\n"
            "    counts = np.bincount(turned, minlength=10)\n"
            "    if counts.max() > 0.6 * len(turned) and counts.argmax() != digit:\n"
            "        becomes[digit] = int(counts.argmax())",
        ],
        "wrong": [
            "becomes = {6: 9}",
            "becomes = {6: 9, 9: 6, 2: 5, 5: 2}",
        ],
        "copied": [
            "becomes = dict(enumerate(np.bincount(read(digits[1000:, ::-1, ::-1]))))",
        ],
    },
    {
        "right": [
            "turn = layers.RandomRotation((-1 / 12, 1 / 12), 'constant')",
            "turn = keras.Sequential([layers.RandomRotation(30 / 360, fill_mode='constant', fill_value=0)])",
            "turn = layers.RandomRotation(np.radians(30) / (2 * np.pi), fill_mode='constant', seed=1)",
        ],
        "wrong": [
            "turn = layers.RandomRotation(30 / 180, fill_mode='constant')",
            "turn = layers.RandomRotation(30 / 360)",
            "turn = layers.RandomRotation((0, 30 / 360), fill_mode='constant')",
        ],
        "copied": [
            "turn = layers.RandomRotation(40 / 360, fill_mode='constant')",
            "turn = layers.RandomRotation(20 / 360, fill_mode='nearest')",
        ],
    },
    {
        "right": [
            "def keeps_label(read, transform, images, labels):\n"
            "    right = read(images) == labels\n"
            "    kept = right & (read(transform(images)) == labels)\n"
            "    return np.bincount(labels[kept], minlength=10) / np.bincount(labels[right], minlength=10)",
            "def keeps_label(read, transform, images, labels):\n"
            "    shares = []\n"
            "    for digit in range(10):\n"
            "        own = images[(labels == digit) & (read(images) == digit)]\n"
            "        shares.append(np.mean(read(transform(own)) == digit))\n"
            "    return shares",
            "def keeps_label(read, transform, images, labels):\n"
            "    before, after = read(images), read(transform(images))\n"
            "    counts = np.zeros((10, 2))\n"
            "    for b, a, label in zip(before, after, labels):\n"
            "        counts[label] += b == label, b == a == label\n"
            "    return counts[:, 1] / counts[:, 0]",
        ],
        "wrong": [
            "keeps_label = lambda r, t, x, y: [(r(t(x[y == i])) == i).mean() for i in range(10)]",
            "keeps_label = lambda r, t, x, y: [(r(t(x)) == r(x))[y == i].mean() for i in range(10)]",
        ],
        "copied": [
            "keeps_label = lambda read, transform, images, labels: np.mean(read(images) == labels)",
        ],
    },
]
