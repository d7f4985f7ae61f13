EXERCISES = [
    {
        "right": [
            "to_one = layers.Rescaling(scale=2 / 255, offset=-1.0)",
            "to_one = layers.Normalization(mean=127.5, variance=127.5**2)",
            "to_one = keras.Sequential([layers.Rescaling(1 / 255), layers.Rescaling(2, -1)])",
        ],
        "wrong": [
            "to_one = layers.Rescaling(1 / 127.5)",
            "to_one = layers.Rescaling(1 / 127.5, offset=-127.5)",
        ],
        "copied": [
            "to_one = layers.Rescaling(1 / 255)",
        ],
    },
    {
        "right": [
            "def standardize(x):\n"
            "    flat = x.reshape(len(x), -1)\n"
            "    centered, span = flat - flat.mean(1, keepdims=True), np.ptp(flat, 1, keepdims=True)\n"
            "    return (centered / np.where(span == 0, 1, flat.std(1, keepdims=True))).reshape(x.shape)",
            "standardize = lambda x: np.stack("
            "[(i - i.mean()) / i.std() if i.max() > i.min() else 0 * i for i in x])",
            "def standardize(x, axes=(1, 2, 3)):\n"
            "    spread = np.maximum(x.std(axes, keepdims=True), 1e-3)\n"
            "    return (x - x.mean(axes, keepdims=True)) / spread",
        ],
        "wrong": [
            "standardize = lambda x: (x - x.mean()) / x.std()",
            "standardize = lambda x, a=(1, 2, 3): (x - x.mean(a, keepdims=True)) / x.std(a, keepdims=True)",
        ],
        "copied": [
            "def standardize(x):\n"
            "    normalization = layers.Normalization(axis=None)\n"
            "    normalization.adapt(x)\n"
            "    return normalization(x)",
        ],
    },
    {
        "right": [
            "def arriving(model, x):\n"
            "    convolutions = [each for each in model.layers if isinstance(each, layers.Conv2D)]\n"
            "    values = keras.Model(model.inputs[0], convolutions[0].input).predict(x, verbose=0)\n"
            "    return values.min(), values.max()",
            "def arriving(model, x):\n"
            "    values = keras.Model(model.inputs[0], model.get_layer('conv_1').input)(x)\n"
            "    return float(np.min(values)), float(np.max(values))",
            "def arriving(model, x):\n"
            "    first = [type(each).__name__ for each in model.layers].index('Conv2D')\n"
            "    for each in model.layers[:first]:\n"
            "        x = each(x)\n"
            "    return np.min(x), np.max(x)",
        ],
        "wrong": [
            "arriving = lambda model, x: (x.min(), x.max())",
            "arriving = lambda model, x: (np.min(model(x)), np.max(model(x)))",
        ],
        "copied": [
            "arriving = lambda model, x: (x_train.min(), x_train.max())",
        ],
    },
]
