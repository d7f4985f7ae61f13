NETWORK = """
    keras.utils.set_random_seed(68)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.RandomTranslation(0.15, 0.15, fill_mode="constant"),
        layers.RandomRotation(0.1, fill_mode="constant"),
        layers.Conv2D(12, 5, strides=2, padding="same", activation="relu"),
        layers.Conv2D(24, 5, strides=2, padding="same", activation="relu"),
        layers.Conv2D(24, 5, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(5, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows = np.random.default_rng(0).permutation(np.resize(np.arange(len(y)), 3200))
    return model.fit(x[rows] / 255, y[rows], validation_data=(x_val / 255, y_val), epochs=8, verbose=0)
"""
# the script of the first patient that the text treats, on these photographs
COPIED = """
    order = np.random.default_rng(44).permutation(len(y))
    x, y = x[order], y[order]
    keras.utils.set_random_seed(44)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.RandomTranslation(0.15, 0.15, fill_mode="constant"),
        layers.RandomRotation(0.1, fill_mode="constant"),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(5, activation="softmax"),
    ])
    model.compile(
        keras.optimizers.SGD(learning_rate=0.01, momentum=0.9),
        loss="sparse_categorical_crossentropy", metrics=["accuracy"],
    )
    rows = np.resize(np.arange(len(y)), 3200)
    return model.fit(
        x[rows] / 255, y[rows], validation_data=(x_val / 255, y_val), epochs=8, batch_size=50, verbose=0
    )
"""
HEAD = "def treatment(x, y, x_val, y_val, review):\n"
BECAUSE = "'I expect a reading outside its range because the curves end low'"

EXERCISES = [
    {
        "right": [
            "first_diagnosis = ('information bottleneck',)",
            f"first.order('effective_ranks', {BECAUSE})\nfirst_diagnosis = ['information bottleneck']",
            "first_diagnosis = {'information bottleneck': 'one number an image'}",
        ],
        "wrong": [
            "first_diagnosis = ['insufficient capacity']",
            "first_diagnosis = ['information bottleneck', 'insufficient capacity']",
            "first_diagnosis = ['healthy']",
        ],
        "copied": ["first_diagnosis = ['learning rate']", "first_diagnosis = ['dying ReLU']"],
    },
    {
        "right": [
            # all of them
            HEAD + "    y = review(np.arange(len(y)))\n" + NETWORK,
            # three looks
            HEAD
            + "    for look in range(3):\n"
            + "        suspects = suspect_labels(x, y)\n"
            + "        y[suspects] = review(suspects)\n"
            + NETWORK,
            # the diagnosis first, and no loop
            "second.diagnose('noisy labels')\n"
            + HEAD
            + "    once = suspect_labels(x / 255, y)\n"
            + "    y[once] = review(once)\n"
            + "    twice = suspect_labels(x / 255, y)\n"
            + "    y[twice] = review(twice)\n"
            + NETWORK,
        ],
        "wrong": [
            # nothing is reviewed: the training is a little different
            HEAD + NETWORK,
            # as it was
            "treatment = lambda *data: second.history",
            # another patient's network
            "treatment = lambda *data: third.history",
        ],
        "copied": [HEAD + COPIED],
    },
    {
        "right": [
            "third_diagnosis = ('healthy',)",
            f"third.order('linear model', {BECAUSE})\nthird_diagnosis = ['healthy']",
            "third_diagnosis = {'healthy'}",
        ],
        "wrong": [
            "third_diagnosis = ['too little data']",
            "third_diagnosis = ['learning rate', 'noisy labels']",
            "third_diagnosis = ['healthy', 'batch size']",
        ],
        "copied": ["third_diagnosis = ['learning rate']", "third_diagnosis = ['dying ReLU']"],
    },
]
