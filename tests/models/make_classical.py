#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes classical.tsv: the exact answers of examples/classical/, by closed forms, Newton's method or EM in double
precision. Columns: model, quantity, value, tolerance. Needs numpy and scikit-learn (../golden/requirements.txt)."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.naive_bayes import GaussianNB
from sklearn import metrics as M

DATA = np.loadtxt("../../examples/data/iris.csv", delimiter=",", skiprows=1)
X, Y = DATA[:, :4], DATA[:, 4].astype(int)
MU, DEV = np.array([5.84, 3.06, 3.76, 1.20]), np.array([0.83, 0.44, 1.77, 0.76])
Z, N = (X - MU) / DEV, len(X)
rows = []


def say(model, tol, **values):
    rows.extend((model, k, v, tol) for k, v in values.items())


# ---- regression of the fourth measure on the others ----
A, t = np.c_[Z[:, :3], np.ones(N)], X[:, 3]
for model, penalty in ("linear", 0), ("ridge", 0.5):
    w = np.linalg.solve(A.T @ A / N + np.diag([penalty] * 3 + [0]), A.T @ t / N)
    say(model, 2e-6, loss=np.mean((A @ w - t) ** 2), r2=M.r2_score(t, A @ w))


def lasso(a, y, penalty):
    """Every set of signs: the one whose solution has these signs and whose other gradients are within the penalty."""
    for signs in np.ndindex(3, 3, 3):
        s = np.array(signs) - 1
        on, w = s != 0, np.zeros(3)
        w[on] = np.linalg.solve(a[:, on].T @ a[:, on] / N, a[:, on].T @ y / N - penalty * s[on])
        g = a.T @ (a @ w - y) / N
        if np.all(np.sign(w) == s) and np.all(np.abs(g[~on]) <= penalty):
            return w


w = lasso(Z[:, :3], t - 1.2, 0.1)
p = Z[:, :3] @ w
say("lasso", 2e-6, loss=np.mean((p - t + 1.2) ** 2) / 2, r2=M.r2_score(t - 1.2, p))
say("lasso", 2e-6, used=np.sum(w != 0), size=np.abs(w).sum())


# ---- classification: strongly convex losses, by Newton's method with the Hessian of differences ----
def newton(gradient, w):
    for _ in range(100):
        g, h = gradient(w), np.empty((len(w), len(w)))
        for i in range(len(w)):
            d = np.zeros(len(w))
            d[i] = 1e-6
            h[i] = (gradient(w + d) - gradient(w - d)) / 2e-6
        step = np.linalg.lstsq(h, g, rcond=1e-12)[0]
        w = w - step
        if np.abs(step).max() < 1e-13:
            break
    assert np.abs(gradient(w)).max() < 1e-12
    return w


B, PENALTY = np.c_[Z, np.ones(N)], 0.01
two = (Y == 2) * 1.0
decay = np.array([PENALTY] * 4 + [0])
w = newton(lambda w: B.T @ (1 / (1 + np.exp(-B @ w)) - two) / N + decay * w, np.zeros(5))
z = B @ w
loss = np.mean(np.logaddexp(0, z) - two * z)
say("logistic", 5e-6, loss=loss, acc=np.mean((z > 0) == (Y == 2)), auc=M.roc_auc_score(two, z))

sign = 2 * two - 1
w = newton(lambda w: -2 * B.T @ (sign * np.maximum(0, 1 - sign * (B @ w))) / N + decay * w, np.zeros(5))
m = sign * (B @ w)
say("svm", 5e-6, loss=np.mean(np.maximum(0, 1 - m) ** 2), acc=np.mean(m > 0), support=np.sum(m < 1))


def soft(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


hot = np.eye(3)[Y]


def gradient(w):
    w = w.reshape(5, 3)
    return (B.T @ (soft(B @ w) - hot) / N + decay[:, None] * w).ravel()


q = soft(B @ newton(gradient, np.zeros(15)).reshape(5, 3))
p = q.argmax(1)
say("softmax", 5e-6, loss=M.log_loss(Y, q), acc=np.mean(p == Y), f1=M.f1_score(Y, p, average="macro"))

# ---- densities ----
nb = GaussianNB(var_smoothing=0).fit(X, Y)
say("naive_bayes", 5e-6, loss=-np.mean(nb.predict_joint_log_proba(X)[np.arange(N), Y]), acc=np.mean(nb.predict(X) == Y))

prior, mu, var = np.ones(3) / 3, X[[0, 50, 100]].copy(), np.ones((3, 4))
for _ in range(5000):  # EM
    joint = np.log(prior) - 0.5 * (((X[:, None] - mu) ** 2) / var + np.log(2 * np.pi * var)).sum(2)
    r = soft(joint)
    n = r.sum(0)
    prior, mu = n / N, r.T @ X / n[:, None]
    var = r.T @ X**2 / n[:, None] - mu**2
say("gmm", 2e-5, loss=-np.mean(np.logaddexp.reduce(joint, 1)), acc=np.mean(joint.argmax(1) == Y))

# ---- decompositions ----
km = KMeans(3, init=X[[0, 50, 100]], n_init=1, tol=0).fit(X)
say("kmeans", 1e-4, inertia=km.inertia_, acc=np.mean(km.labels_ == Y))
values = np.linalg.eigvalsh(np.cov(X.T, bias=True))
say("pca", 5e-6, loss=values[:2].sum(), explained=values[2:].sum() / values.sum())
say("factorisation", 1e-4, error=(np.linalg.svd(X, compute_uv=False)[2:] ** 2).sum())

with open("classical.tsv", "w") as f:
    for model, key, v, tol in rows:
        print(model, key, "%.9g" % v, tol, sep="\t", file=f)
