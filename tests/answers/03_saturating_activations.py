EXERCISES = [
    {
        "right": [
            "constant = 0.69",
            "constant = np.log(2)",
            "constant = float(keras.activations.softplus(np.zeros(1, 'float32'))[0])",
        ],
        "wrong": [
            "constant = 1.0",
            "constant = 0.0",
        ],
        "copied": [
            "constant = 0.5",
            "constant = 0.1",
        ],
    },
    {
        "right": [
            "scale = 36",
            "scale = 64.0",
            "scale = (4 * 1.6) ** 2",
        ],
        "wrong": [
            "scale = 2.0",
            "scale = 1 / 16",
        ],
        "copied": [
            "scale = 1.0",
            "scale = 0.25",
        ],
    },
    {
        "right": [
            """
def largest_slope(function):
    grid = np.linspace(-5, 5, 101)
    return np.abs(np.gradient(function(grid), grid)).max()
""",
            "largest_slope = lambda f: max(abs(f(x + 0.001) - f(x)) / 0.001 for x in np.arange(-5, 5, 0.01))",
            """
def largest_slope(function):
    x = np.linspace(-5, 5, 101)
    y = function(x)
    return max(abs((y[1:] - y[:-1]) / 0.1))
""",
        ],
        "wrong": [
            "largest_slope = lambda f: np.max(f(np.linspace(-5, 5, 1001)))",
            "largest_slope = lambda f: (f(0.001) - f(-0.001)) / 0.002",
            "largest_slope = lambda f: np.max(np.diff(f(np.linspace(-5, 5, 1001)))) / 0.01",
        ],
        "copied": [
            "largest_slope = lambda f: 0.25",
        ],
    },
]
