EXERCISES = [
    {
        "wrong": [
            "dropout = 0.2",
            "dropout = 0.95",
        ],
    },
    {
        "wrong": [
            "stopper = EarlyStopping(monitor='val_loss', patience=1)",
            "stopper = EarlyStopping(monitor='loss', patience=3, restore_best_weights=True)",
        ],
    },
    {
        "wrong": [
            "overfits_from = lambda history: int(np.argmin(history['val_loss']))",
            "overfits_from = lambda history: int(np.argmin(history['val_loss'])) + 1",
        ],
    },
]
