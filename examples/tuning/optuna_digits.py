#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tunes the constants of digits.nn with Optuna (pip install optuna), which draws each trial where earlier ones were good
and stops those that fall behind.

    python3 optuna_digits.py [TRIALS] [EPOCHS]

Each trial compiles the model with its own constants, in this process, and validates after each epoch.
"""
import os
import sys

import gradc
import optuna

HERE = os.path.dirname(os.path.abspath(__file__))


def train(trial: optuna.Trial, epochs: int) -> float:
    """The accuracy on the hold-out after so many epochs."""
    settings = {
        "LR": trial.suggest_float("LR", 1e-4, 1e-1, log=True),
        "HIDDEN": trial.suggest_int("HIDDEN", 16, 128, step=16),
        "SMOOTH": trial.suggest_float("SMOOTH", 0, 0.2),
        "ACT": trial.suggest_categorical("ACT", ["relu", "gelu", "tanh"]),
        "EPOCHS": epochs,
    }
    with gradc.compile(os.path.join(HERE, "digits.nn"), **settings) as model:
        for _ in model.train():
            if model.validation and model.validation["step"] == model.steps:
                trial.report(model.validation["acc"], model.steps)
                if trial.should_prune():
                    raise optuna.TrialPruned()
        return model.validation["acc"]


def main() -> None:
    trials, epochs = [int(v) for v in (sys.argv[1:] + ["20", "10"][len(sys.argv) - 1:])[:2]]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1),
                                pruner=optuna.pruners.MedianPruner(n_startup_trials=3))
    study.optimize(lambda trial: train(trial, epochs), n_trials=trials)
    for t in study.trials:
        print(f"{t.number:3}  {t.state.name:8}  {t.value or float('nan'):.4f}  {t.params}")
    print(f"best: accuracy {study.best_value:.4f} with {study.best_params}")


if __name__ == "__main__":
    main()
