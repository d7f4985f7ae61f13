EXERCISES = [
    {
        "right": [
            "def freeze(model):\n"
            "    for layer in model.layers[:-1]:\n"
            "        layer.trainable = False\n"
            "    model.compile(keras.optimizers.SGD(0.01), 'sparse_categorical_crossentropy')",
            "def freeze(model):\n"
            "    for i, layer in enumerate(model.layers):\n"
            "        layer.trainable = i == len(model.layers) - 1\n"
            "    model.compile(optimizer='adam', loss=model.loss, metrics=['accuracy'])",
            "def freeze(model):\n"
            "    for layer in model.layers:\n"
            "        if layer is not model.layers[-1]:\n"
            "            layer.trainable = False\n"
            "    rate = float(model.optimizer.learning_rate)\n"
            "    model.compile(keras.optimizers.Adam(rate), loss=model.loss)",
        ],
        "wrong": [
            # traced before it is set
            "def freeze(model):\n"
            "    model.compile('adam', loss=model.loss)\n"
            "    model.fit(x[:64], y[:64], batch_size=64, verbose=0)\n"
            "    for layer in model.layers[:-1]:\n"
            "        layer.trainable = False",
            # the last layer is left frozen, the body moves
            "def freeze(model):\n"
            "    model.layers[-1].trainable = False\n"
            "    model.compile('adam', loss=model.loss)",
        ],
        "copied": [
            "def freeze(model):\n    for layer in model.layers[:-1]:\n        layer.trainable = False",
        ],
    },
    {
        "right": [
            "from sklearn.model_selection import GroupShuffleSplit\n"
            "groups = GroupShuffleSplit(1, test_size=0.2, random_state=0)\n"
            "split = lambda item: next(groups.split(item, groups=item))",
            "def split(item):\n"
            "    chosen = set(np.random.default_rng(5).choice(np.unique(item), 100, replace=False))\n"
            "    is_val = np.array([name in chosen for name in item])\n"
            "    return np.where(~is_val)[0].tolist(), np.where(is_val)[0].tolist()",
            "def split(item):\n"
            "    names, of = np.unique(item, return_inverse=True)\n"
            "    is_val = (np.random.default_rng(1).random(len(names)) < 0.2)[of]\n"
            "    rows = np.arange(len(item))\n"
            "    return rows[~is_val], rows[is_val]",
        ],
        "wrong": [
            # the last fifth: one folder
            "split = lambda item: (np.arange(1600), np.arange(1600, 2000))",
            # the fourth photograph of each item
            "split = lambda item: (np.flatnonzero(np.arange(2000) % 4), np.arange(0, 2000, 4))",
            # the items are drawn, and some photographs get lost
            "def split(item):\n"
            "    items, first = np.unique(item, return_index=True)\n"
            "    order = np.random.default_rng(0).permutation(first)\n"
            "    return order[100:], order[:100]",
        ],
        "copied": [
            "def split(item):\n"
            "    order = np.random.default_rng(SEED).permutation(len(item))\n"
            "    return order[len(item) // 5 :], order[: len(item) // 5]",
        ],
    },
    {
        "right": [
            "def inspect(x, x_val):\n"
            "    flat, flat_val = x.reshape(len(x), -1), x_val.reshape(len(x_val), -1)\n"
            "    return {\n"
            "        'nan': [i for i, row in enumerate(flat) if np.isnan(row).any()],\n"
            "        'constant': [i for i, row in enumerate(flat) if (row == row[0]).all()],\n"
            "        'copied': [i for i, row in enumerate(flat) if (flat_val == row).all(axis=1).any()],\n"
            "    }",
            "def inspect(x, x_val):\n"
            "    from scipy.spatial.distance import cdist\n"
            "    pixels, others = (np.nan_to_num(v, nan=9).reshape(len(v), -1) for v in (x, x_val))\n"
            "    near = cdist(pixels, others).min(axis=1)\n"
            "    spread = np.ptp(x, axis=(1, 2, 3))\n"
            "    return dict(nan=np.where(np.isnan(spread))[0], constant=np.where(spread == 0)[0],\n"
            "                copied=np.where(near == 0)[0])",
            "def inspect(x, x_val):\n"
            "    known = {bytes(v) for v in x_val}\n"
            "    tests = {'nan': lambda v: not np.isfinite(v).all(),\n"
            "             'constant': lambda v: len(np.unique(v)) == 1,\n"
            "             'copied': lambda v: bytes(v) in known}\n"
            "    return {name: [i for i, v in enumerate(x) if test(v)] for name, test in tests.items()}",
        ],
        "wrong": [
            # only black images are constant
            "def inspect(x, x_val):\n"
            "    known = {v.tobytes() for v in x_val}\n"
            "    return {'nan': np.flatnonzero(np.isnan(x).any(axis=(1, 2, 3))),\n"
            "            'constant': np.flatnonzero((x == 0).all(axis=(1, 2, 3))),\n"
            "            'copied': [i for i, v in enumerate(x) if v.tobytes() in known]}",
            # a copy is looked for in the same row
            "def inspect(x, x_val):\n"
            "    return {'nan': np.flatnonzero(np.isnan(x).any(axis=(1, 2, 3))),\n"
            "            'constant': np.flatnonzero(x.max(axis=(1, 2, 3)) == x.min(axis=(1, 2, 3))),\n"
            "            'copied': np.flatnonzero((x[: len(x_val)] == x_val).all(axis=(1, 2, 3)))}",
        ],
        "copied": [
            "inspect = lambda x, x_val: {\n"
            "    'nan': np.flatnonzero(~np.isfinite(x).all(axis=(1, 2, 3))), 'constant': [], 'copied': []}",
        ],
    },
]
