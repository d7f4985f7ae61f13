EXERCISES = [
    {
        "wrong": [
            "symptoms = {'flat at guessing': 'ABCDEFGHIJKLM'}",
            "symptoms = {'low together': 'ABCDEFG', 'flat at guessing': 'HIJKLM'}",
        ],
    },
    {
        "wrong": [
            "notebooks = dict(zip('ABCDEFGHIJKLM', range(1, 14)))",
            "notebooks = {letter: int(p[:2]) % 13 + 1 for letter, p in LETTERS.items()}",
        ],
    },
    {
        "wrong": [
            "investigate = lambda readings: 0",
            "investigate = lambda readings: 6 if readings['loss / guessing'] > 0.95 else 9",
        ],
    },
]
