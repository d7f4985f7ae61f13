EXERCISES = [
    {
        "right": [
            "bold_rate = 0.009",
            "bold_rate = 1.5e-2",
            "bold_rate = (0.003 * 0.03) ** 0.5",
        ],
        "wrong": [
            "bold_rate = 0.0001",
            "bold_rate = 0.1",
        ],
        "copied": [
            "bold_rate = 0.003",
            "bold_rate = 0.2",
        ],
    },
    {
        "right": [
            "activation = lambda x: keras.ops.maximum(x, -1.0)",
            "activation = lambda x: keras.ops.maximum(keras.activations.leaky_relu(x), -0.3)",
            "def activation(x):\n    return keras.ops.relu(x + 1.5) - 0.5",
        ],
        "wrong": [
            "activation = 'elu'",
            "activation = 'relu6'",
            "activation = lambda x: keras.ops.relu(x - 1)",
        ],
        "copied": [
            "activation = 'leaky_relu'",
            "activation = 'relu'",
            "activation = 'gelu'",
        ],
    },
    {
        "right": [
            "count_dead = lambda outputs: int((outputs.max(axis=(0, 1, 2)) == 0).sum())",
            "def count_dead(outputs):\n"
            "    return sum(not outputs[..., i].any() for i in range(outputs.shape[-1]))",
            "count_dead = lambda outputs: outputs.shape[-1] - len(set(np.nonzero(outputs)[-1]))",
            "def count_dead(outputs):\n"
            "    rows = outputs.reshape(-1, outputs.shape[-1])\n"
            "    return np.sum(np.abs(rows).sum(axis=0) == 0)",
        ],
        "wrong": [
            "count_dead = lambda outputs: np.all(outputs == 0, axis=0).sum()",
            "count_dead = lambda outputs: np.all(outputs == 0, axis=(1, 2)).any(axis=0).sum()",
            "count_dead = lambda outputs: np.all(outputs == 0, axis=(0, 1, 2)).any()",
            "count_dead = lambda outputs: np.any(outputs == 0, axis=(0, 1, 2)).sum()",
            "count_dead = lambda outputs: 1",
            "count_dead = lambda outputs: 0",
        ],
        "copied": [
            "count_dead = lambda outputs: sum(units.sum() for units in outputs)",
            "count_dead = lambda outputs: outputs.size",
        ],
    },
]
