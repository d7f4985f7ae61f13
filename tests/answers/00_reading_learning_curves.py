EXERCISES = [
    {
        "right": [
            "symptoms = {'looks healthy': 'F', 'low together': 'LID',\n"
            "            'training far above validation': 'NKJB', 'flat at guessing': 'MHGECA'}",
            "symptoms = {'flat at guessing': [*'ACEGHM'], 'low together': [*'DIL'],\n"
            "            'training far above validation': ('B', 'J', 'K', 'N'), 'looks healthy': {'F'}}",
            "symptoms = {name: [letter for letter in LETTERS if symptoms_of[LETTERS[letter]] == name]\n"
            "            for name in headings}",
        ],
        "wrong": [
            "symptoms = {'flat at guessing': 'ABCDEFGHIJKLMN'}",
            "symptoms = {'low together': 'ABCDEFG', 'flat at guessing': 'HIJKLMN'}",
        ],
        "copied": [
            "symptoms = {'training far above validation': 'ABC', 'low together': 'DEFGHIJKLMN'}",
        ],
    },
    {
        "right": [
            "notebooks = {letter: int(patient[:2]) for letter, patient in LETTERS.items()}",
            "notebooks = dict(zip('FBJKADELCGHIMN', [10, 13, 9, 12, 6, 8, 4, 2, 11, 5, 7, 1, 3, 14]))",
            "notebooks = dict(A=6, B=13, C=11, D=8, E=4, F=10, G=5, H=7, I=1, J=9, K=12, L=2, M=3.0, N=14)",
        ],
        "wrong": [
            "notebooks = dict(zip('ABCDEFGHIJKLMN', range(1, 15)))",
            "notebooks = {letter: int(p[:2]) % 14 + 1 for letter, p in LETTERS.items()}",
        ],
        "copied": [
            "notebooks = {'A': 1, 'B': 13}",
        ],
    },
    {
        "right": [
            # a table of ranges instead of a chain of conditions
            "ALARMS = [('pixels', 10, 11), ('dead units', 0.5, 4), ('probe', 0.5, 5), ('step', 0.1, 6)]\n"
            "LOW = [('rarest class', 0.5, 10), ('gradient', 0.001, 3), ('step', 0.0001, 6), ('rank', 3, 2)]\n"
            "def investigate(readings):\n"
            "    for name, highest, number in ALARMS:\n"
            "        if readings.get(name, 0) > highest:\n"
            "            return number\n"
            "    for name, lowest, number in LOW:\n"
            "        if readings.get(name, 9) < lowest:\n"
            "            return number\n"
            "    if readings.get('batch size', 0) > 4:\n"
            "        return 8\n"
            "    if readings.get('gap', 0) > 0.7:\n"
            "        return 14\n"
            "    if readings.get('gap', 0) > 0.1:\n"
            "        return 12 if readings['labels'] > 0.25 and readings['symptom'] > 0.1 else 13\n"
            "    return int(readings['symptom'] > 0.3)",
            # from the symptom to the cause
            "def investigate(readings):\n"
            "    get = lambda name: readings.get(name, 1)\n"
            "    if get('rarest class') < 0.5:\n"
            "        return 10\n"
            "    if 'gap' in readings and get('gap') > 0.1:\n"
            "        return 9 if get('symptom') < 0.1 or get('labels') < 0.25 else 12\n"
            "    if get('symptom') < 0.3:\n"
            "        return 0\n"
            "    if get('pixels') > 10:\n"
            "        return 11\n"
            "    if get('dead units') > 0.9:\n"
            "        return 4\n"
            "    if get('gradient') < 0.001:\n"
            "        return 3\n"
            "    if get('step') > 1 or get('step') < 0.00015:\n"
            "        return 7\n"
            "    if get('probe') > 0.5:\n"
            "        return 5\n"
            "    if get('rank') < 3:\n"
            "        return 2\n"
            "    return 8 if get('batch size') > 4 else 1",
            # every reading at once, the likeliest cause wins
            "def investigate(readings):\n"
            "    get = lambda name: readings.get(name, 1)\n"
            "    late = get('gap') > 0.1 and 'gap' in readings\n"
            "    noisy = late and get('symptom') > 0.1 and get('labels') > 0.25\n"
            "    causes = {11: get('pixels') > 10, 10: get('rarest class') < 0.5,\n"
            "              4: get('dead units') > 0.9, 3: get('gradient') < 1e-3,\n"
            "              6: get('step') < 1e-4 or get('step') > 0.1,\n"
            "              5: get('probe') > 0.5, 2: get('rank') < 3, 8: get('batch size') > 4,\n"
            "              12: noisy, 13: late, 1: get('symptom') > 0.3, 0: True}\n"
            "    return [number for number, alarm in causes.items() if alarm][0]",
        ],
        "wrong": [
            "investigate = lambda readings: 0",
            "investigate = lambda readings: 6 if readings['symptom'] > 0.95 else 9",
        ],
        "copied": [
            # the lesson of the symptom alone, as in the table's first rows
            "investigate = lambda readings: 11 if readings['symptom'] > 0.95 else 2",
        ],
    },
]
