"""The self-checks of the exercises say OK to the folded solutions, FAIL to wrong answers."""

import ast
import re
from functools import lru_cache

import nbformat
import pytest
from conftest import NOTEBOOKS, code_of, group, tagged

# per exercise, answers from misconceptions the text warns of
WRONG = {
    "00_reading_learning_curves": [
        [
            "symptoms = {'flat at guessing': 'ABCDEFGHIJKLM'}",
            "symptoms = {'low together': 'ABCDEFG', 'flat at guessing': 'HIJKLM'}",
        ],
        [
            "notebooks = dict(zip('ABCDEFGHIJKLM', range(1, 14)))",
            "notebooks = {letter: int(p[:2]) % 13 + 1 for letter, p in LETTERS.items()}",
        ],
        [
            "investigate = lambda readings: 0",
            "investigate = lambda readings: 6 if readings['loss / guessing'] > 0.95 else 9",
        ],
    ],
    "01_insufficient_capacity": [
        ["filters = (16, 32)", "filters = (2, 2, 2, 2)"],
        ["head = layers.GlobalMaxPooling2D()", "head = layers.GlobalAveragePooling2D()"],
        [
            "count_weights = lambda f, k: sum(k * k * a * b for a, b in zip((1, *f), f)) + 10 * f[-1]",
            "count_weights = lambda f, k: sum((k * k + 1) * b for b in f) + 10 * (f[-1] + 1)",
        ],
    ],
    "02_information_bottleneck": [
        ["channels = 2", "channels = 10"],
        ["squeeze = (1, 7, 1)", "squeeze = (1, 1, 1)"],
        [
            "narrowest = lambda model: min(model.layers[:-1], key=lambda layer: layer.output.shape[-1]).name",
            "narrowest = lambda model: min(model.layers, key=lambda a: np.prod(a.output.shape[1:])).name",
        ],
    ],
    "03_saturating_activations": [
        ["depth = 1", "depth = 4"],
        ["initializer = 'he_normal'", "initializer = keras.initializers.RandomNormal(stddev=0.05)"],
        [
            "largest_slope = lambda f: np.max(f(np.linspace(-5, 5, 1001)))",
            "largest_slope = lambda f: (f(0.001) - f(-0.001)) / 0.002",
        ],
    ],
    "04_dying_relu": [
        ["bold_rate = 0.003", "bold_rate = 0.1"],
        ["scale = 2.0", "scale = 30.0"],
        [
            "count_dead = lambda outputs: np.all(outputs == 0, axis=0).sum()",
            "count_dead = lambda outputs: np.all(outputs == 0, axis=(0, 1, 2)).any()",
        ],
    ],
    "05_excessive_pooling": [
        ["pool_size = 2", "pool_size = 14"],
        [
            "more_layers = lambda: [layers.Conv2D(64, 1, activation='relu') for _ in range(2)]",
            "more_layers = lambda: [layers.MaxPooling2D(2)]",
        ],
        [
            "map_size = lambda size, steps: [size := size // s for _, s, _ in steps][-1]",
            "map_size = lambda size, steps: [size := (size - k) // s + 1 for k, s, _ in steps][-1]",
        ],
    ],
    "06_learning_rate": [
        ["sgd_rate = 3e-3", "sgd_rate = 3.0"],
        [
            "schedule = keras.optimizers.schedules.CosineDecay(0.003, 600)",
            "schedule = keras.optimizers.schedules.ExponentialDecay(0.03, 600, 1.0)",
        ],
        [
            "pick_rate = lambda learning_rates, losses: learning_rates[np.argmin(losses)] / 10",
            "pick_rate = lambda learning_rates, losses: learning_rates[np.nanargmin(losses)]",
        ],
    ],
    "07_optimizer_choice": [
        ["learning_rate = 0.01", "learning_rate = 1.0"],
        ["optimizer = SGD(learning_rate=0.1, weight_decay=0.001)", "optimizer = Adam()"],
        [
            "momentum_step = lambda w, v, g, rate, m: (w - rate * g, v)",
            "momentum_step = lambda w, v, g, rate, m: (w + v, m * v - rate * g)",
        ],
    ],
    "08_batch_size": [
        [
            "updates = lambda images, batch_size, epochs: images // batch_size * epochs",
            "updates = lambda images, batch_size, epochs: int(np.ceil(images * epochs / batch_size))",
        ],
        ["epochs = 3", "epochs = 141 // 6"],
        ["rate = 0.4", "rate = 0.001"],
    ],
    "09_overfitting": [
        ["dropout = 0.2", "dropout = 0.95"],
        [
            "stopper = EarlyStopping(monitor='val_loss', patience=1)",
            "stopper = EarlyStopping(monitor='loss', patience=3, restore_best_weights=True)",
        ],
        [
            "overfits_from = lambda history: int(np.argmin(history['val_loss']))",
            "overfits_from = lambda history: int(np.argmin(history['val_loss'])) + 1",
        ],
    ],
    "10_class_imbalance": [
        [
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum(axis=0)",
            "recall_of = lambda matrix: np.diag(matrix) / matrix.sum()",
        ],
        [
            "class_weights = lambda labels: dict(enumerate(np.bincount(labels) / len(labels)))",
            "class_weights = lambda y: {str(k): len(y) / (3 * n) for k, n in enumerate(np.bincount(y))}",
        ],
        [
            "best_answers = lambda probabilities, trained, met: (probabilities / trained).argmax(axis=1)",
            "best_answers = lambda probabilities, trained, met: (probabilities / met).argmax(axis=1)",
        ],
    ],
    "11_unscaled_inputs": [
        ["to_one = layers.Rescaling(1 / 127.5)", "to_one = layers.Rescaling(1 / 127.5, offset=-127.5)"],
        [
            "standardize = lambda x: (x - x.mean()) / x.std()",
            "standardize = lambda x, a=(1, 2, 3): (x - x.mean(a, keepdims=True)) / x.std(a, keepdims=True)",
        ],
        [
            "mirrored = lambda x, v: [i for i, a in enumerate(x) if (a == v).all((1, 2, 3)).any()]",
            "mirrored = lambda x, v: [i for i, a in enumerate(x) if (a[::-1] == v).all((1, 2, 3)).any()]",
        ],
    ],
    "12_noisy_labels": [
        ["measured = 0.6 * 0.8", "measured = 0.8 - 0.4"],
        [
            "smooth = lambda y, s: np.where(keras.utils.to_categorical(y, 10) == 1, 1 - s, s / 9)",
            "smooth = lambda y, s: keras.utils.to_categorical(y, 10) + s / 10",
        ],
        [
            "find_suspects = lambda y, p: p.argmax(axis=1) != y",
            "find_suspects = lambda y, p: (p.argmax(1) != y) & (p.max(1) >= p[np.arange(len(y)), y].mean())",
        ],
    ],
    "13_too_little_data": [
        ["becomes = {6: 9}", "becomes = {6: 9, 9: 6, 2: 5, 5: 2}"],
        [
            "turn = layers.RandomRotation(30 / 180, fill_mode='constant')",
            "turn = layers.RandomRotation(30 / 360)",
        ],
        [
            "keeps_label = lambda r, t, x, y: [(r(t(x[y == i])) == i).mean() for i in range(10)]",
            "keeps_label = lambda r, t, x, y: [(r(t(x)) == r(x))[y == i].mean() for i in range(10)]",
        ],
    ],
    "14_clinic": [
        ["first_diagnosis = ['learning rate']", "first_diagnosis = ['excessive pooling', 'dying ReLU']"],
        [
            "treatment = lambda *data: second.history",  # nothing changed
            "treatment = lambda *data: first.history",  # another network
        ],
        ["third_diagnosis = ['noisy labels']", "third_diagnosis = ['noisy labels', 'batch size']"],
    ],
}


def exercises():
    """Every exercise as (path, number); one that trains is marked, set-up cells included."""
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        setup = [cell.source for cell in tagged(notebook, "setup")]
        for number, cell in enumerate(tagged(notebook, "exercise")):
            marks = [pytest.mark.trains] if trains([*setup, cell.source]) else []
            yield pytest.param(path, number, id=f"{path.stem}-{number + 1}", marks=marks)


def trains(sources):
    return any(re.search(r"(?<!def )\b(train|train_on_batch|case)\(", source) for source in sources)


each_exercise = pytest.mark.parametrize("path, number", list(exercises()))


@lru_cache(maxsize=1)
def prepared(path):
    """A notebook, and what its set-up cells define."""
    notebook = nbformat.read(path, as_version=4)
    namespace = {}
    for cell in tagged(notebook, "setup"):
        exec(cell.source, namespace)
    return notebook, namespace


def judge(path, number, answer, capsys):
    """What the self-check prints last when the first line of the cell is replaced by an answer."""
    notebook, namespace = prepared(path)
    stub, _, rest = tagged(notebook, "exercise")[number].source.partition("\n")
    assert re.match(r"\w+ = None  # ", stub), "an exercise begins with its empty answer"
    capsys.readouterr()
    exec(f"{stub if answer is None else answer}\n{rest}", dict(namespace))
    return capsys.readouterr().out.splitlines()[-1]


@each_exercise
def test_untouched_exercise_is_not_judged(path, number, capsys):
    assert judge(path, number, None, capsys) == f"Exercise {number + 1}: not answered yet"


@each_exercise
def test_solution_passes(path, number, capsys):
    solution = code_of(tagged(prepared(path)[0], "solution")[number])
    assert judge(path, number, solution, capsys) == f"Exercise {number + 1}: OK"


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a wrong answer may divide by 0
@each_exercise
@pytest.mark.parametrize("wrong", range(2))
def test_wrong_answer_fails(path, number, wrong, capsys):
    notebook, _ = prepared(path)
    # nothing but the hint: the check itself must find the answer wrong, not an error
    (check,) = re.findall(
        r"^check\(.*\)$", tagged(notebook, "exercise")[number].source, re.DOTALL | re.MULTILINE
    )
    hint = ast.literal_eval(ast.parse(check).body[0].value.args[-1])
    line = judge(path, number, WRONG[path.stem][number][wrong], capsys)
    assert line == f"Exercise {number + 1}: FAIL. {hint}"


def test_exercises_of_a_notebook_stay_together():
    file = "tests/test_exercises.py::test_"
    ninth = {group(f"{file}solution_passes[09_x-1]"), group(f"{file}wrong_answer_fails[0-09_x-2]")}
    assert len(ninth) == 1 and group(f"{file}wrong_answer_fails[1-10_x-2]") not in ninth
