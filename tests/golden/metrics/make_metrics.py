#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes scores.csv, and values.txt: what scikit-learn makes of its records. Needs ../requirements.txt."""

import numpy as np
from sklearn import metrics as M

rng = np.random.default_rng(7)
N = 403
t = rng.choice(4, N, p=[0.5, 0.3, 0.15, 0.05])
z = np.round((rng.normal(size=(N, 4)) + 1.1 * np.eye(4)[t]) * 4) / 4  # many equal ones
u = np.round(rng.normal(size=(N, 2)) * 64 + [100, 0]) / 64
r = u + np.round(rng.normal(size=(N, 2)) * [20, 40]) / 64
np.savetxt("scores.csv", np.concatenate([z, r, u, t[:, None]], 1), fmt="%.6g", delimiter=",")

p, q = z.argmax(1), np.exp(z) / np.exp(z).sum(1, keepdims=True)
ahead = [(z[i] > z[i, t[i]]).sum() + (z[i, : t[i]] == z[i, t[i]]).sum() for i in range(N)]  # the first of equal ones
values = {
    "confusion": M.confusion_matrix(t, p),
    "precisions": M.precision_score(t, p, average=None),
    "recalls": M.recall_score(t, p, average=None),
    "precision": M.precision_score(t, p, average="macro"),
    "recall": M.recall_score(t, p, average="weighted"),
    "f1": M.f1_score(t, p, average="macro"),
    "f1_micro": M.f1_score(t, p, average="micro"),
    "f2": M.fbeta_score(t, p, beta=2, average="weighted"),
    "iou": M.jaccard_score(t, p, average="macro"),
    "binary": M.f1_score(t == 1, p == 1),
    "accuracy": M.accuracy_score(t, p),
    "top2": np.mean(np.array(ahead) < 2),
    "mcc": M.matthews_corrcoef(t, p),
    "kappa": M.cohen_kappa_score(t, p),
    "perplexity": np.exp(M.log_loss(t, q)),
    "r2": M.r2_score(u, r),
    "auc": M.roc_auc_score(t == 1, z[:, 1]),
    "ap": M.average_precision_score(t == 1, z[:, 1]),
    "means": r.mean(0),
    "biggest": r.max(0),
    "spread": r[:, 0].std(),
    "rms": np.sqrt(np.mean((r - u) ** 2)),
}
with open("values.txt", "w") as f:
    for name, v in values.items():
        print(name, *["%.12g" % x for x in np.ravel(v)], file=f)
