#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data/*.npy: noise of the shapes that bench/models read."""
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDS = {"mlp": 512, "cnn": 256, "tiny": 1024, "lstm": 64, "resnet": 16, "cifar": 256}


def main():
    rng = np.random.default_rng(1)
    n = RECORDS
    arrays = {
        "mlp_x": rng.random((n["mlp"], 784), np.float32),
        "mlp_y": rng.integers(0, 10, n["mlp"], np.int32),
        "cnn_x": rng.random((n["cnn"], 1, 28, 28), np.float32),
        "cnn_y": rng.integers(0, 10, n["cnn"], np.int32),
        "tiny_x": rng.random((n["tiny"], 2), np.float32),
        "tiny_y": rng.random((n["tiny"], 1), np.float32),
        "lstm_x": rng.standard_normal((n["lstm"], 64, 128), np.float32),
        "resnet_x": rng.random((n["resnet"], 3, 224, 224), np.float32),
        "resnet_y": rng.integers(0, 1000, n["resnet"], np.int32),
        "cifar_x": rng.random((n["cifar"], 3, 32, 32), np.float32),
        "cifar_y": rng.integers(0, 10, n["cifar"], np.int32),
        "lstm_y": rng.integers(0, 128, (n["lstm"], 64), np.int32),
        "vgg_x": rng.random((n["cifar"], 3, 48, 48), np.float32),
        "vgg_y": rng.integers(0, 20, n["cifar"], np.int32),
        "resnet48_x": rng.random((n["lstm"], 3, 45, 45), np.float32),
        "resnet48_y": rng.integers(0, 40, n["lstm"], np.int32),
        "mobilenetv2_x": rng.random((n["resnet"], 3, 128, 128), np.float32),
        "mobilenetv2_y": rng.integers(0, 100, n["resnet"], np.int32),
        "tcn_x": rng.random((n["lstm"], 40, 250), np.float32),
        "tcn_y": rng.integers(0, 30, (n["lstm"], 250), np.int32),
        "gru3_x": rng.random((n["lstm"], 50, 72), np.float32),
        "gru3_y": rng.integers(0, 50, (n["lstm"], 50), np.int32),
        "bilstm_x": rng.random((n["lstm"], 80, 100), np.float32),
        "bilstm_y": rng.integers(0, 40, (n["lstm"], 80), np.int32),
    }
    os.makedirs(os.path.join(HERE, "data"), exist_ok=True)
    for name, a in arrays.items():
        np.save(os.path.join(HERE, "data", name + ".npy"), a)


if __name__ == "__main__":
    main()
