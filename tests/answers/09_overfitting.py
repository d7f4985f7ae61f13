EXERCISES = [
    {
        "right": [
            "penalty = L2(0.5)",
            "penalty = L1(0.01)",
            "penalty = L1L2(0.003, 0.3)",
        ],
        "wrong": [
            "penalty = L2(0.001)",
            "penalty = L1(1e-5)",
        ],
        "copied": [
            "penalty = L2(0.01)",
            "penalty = L1(0.0003)",
        ],
    },
    {
        "right": [
            "stopper = EarlyStopping('val_accuracy', mode='max', patience=6, restore_best_weights=True)",
            "stopper = keras.callbacks.EarlyStopping(\n"
            "    monitor='val_accuracy', patience=4, restore_best_weights=True, start_from_epoch=1\n"
            ")",
            "stopper = EarlyStopping('val_accuracy', 0, 5, 0, 'auto', None, True)",
        ],
        "wrong": [
            "stopper = EarlyStopping('val_accuracy', patience=5)",
            "stopper = EarlyStopping('val_accuracy', mode='min', patience=5, restore_best_weights=True)",
        ],
        "copied": [
            "stopper = EarlyStopping(monitor='val_loss', patience=3, restore_best_weights=True)",
        ],
    },
    {
        "right": [
            "def overconfidence(bets, y):\n"
            "    return np.max(bets, axis=1).mean() - sum(np.argmax(bets, axis=1) == y) / len(y)",
            "def overconfidence(bets, y):\n"
            "    return float(np.mean([max(bet) - (list(bet).index(max(bet)) == label) "
            "for bet, label in zip(bets, y)]))",
            "overconfidence = lambda bets, y: -np.mean((bets.argmax(1) == y) - bets.max(1))",
        ],
        "wrong": [
            "overconfidence = lambda bets, y: bets.max(axis=1).mean()",
            "overconfidence = lambda bets, y: np.mean(bets.argmax(1) == y) - bets.max(1).mean()",
        ],
        "copied": [
            "overconfidence = lambda bets, y: bets[bets.argmax(axis=1) != y].max(axis=1).mean()",
        ],
    },
]
