# SPDX-License-Identifier: Apache-2.0
"""Models of the kinds in torch_models.py with other sizes, depths, strides and kernels: what no row was tuned on."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch_models
from torch_models import GPT, cross_entropy, images, resnet, text, unit



def vgg():
    layers, inner = [], 3
    for out in (24, 56):
        layers += [nn.Conv2d(inner, out, 5, padding=2), nn.ReLU(), nn.Conv2d(out, out, 5, padding=2), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        inner = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(56 * 144, 96), nn.ReLU(), nn.Linear(96, 20))


class Inverted(nn.Module):
    def __init__(self, inner, out, expand=6, stride=1):
        super().__init__()
        wide = expand * inner
        self.add = stride == 1 and inner == out
        self.layers = nn.Sequential(
            unit(inner, wide, 1), nn.ReLU6(), unit(wide, wide, 5, stride, wide), nn.ReLU6(), unit(wide, out, 1)
        )

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.add else y


def mobilenetv2(classes):
    layers = [unit(3, 24, 3, 2), nn.ReLU6(), Inverted(24, 24, 3)]
    for inner, out in ((24, 40), (40, 80), (80, 112)):
        layers += [Inverted(inner, out, 6, 2), Inverted(out, out)]
    layers += [unit(112, 320, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(320, classes)]
    return nn.Sequential(*layers)


class Dilated(nn.Module):
    def __init__(self, inner, out, d):
        super().__init__()
        self.first = nn.Conv1d(inner, out, 3, padding=d, dilation=d)
        self.second = nn.Conv1d(out, out, 3, padding=d, dilation=d)
        self.short = nn.Identity() if inner == out else nn.Conv1d(inner, out, 1)

    def forward(self, x):
        return F.relu(F.relu(self.second(F.relu(self.first(x)))) + self.short(x))


class TCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Dilated(80 if i else 40, 80, 2**i) for i in range(4)])
        self.head = nn.Linear(80, 30)

    def forward(self, x):
        return self.head(self.blocks(x).transpose(1, 2))


class Recurrent(nn.Module):
    def __init__(self, layer, inner, out):
        super().__init__()
        self.layer, self.head = layer, nn.Linear(inner, out)

    def forward(self, x):
        return self.head(self.layer(x)[0])


def sequences(model, x, classes):
    shape = (x.shape[0], x.shape[2] if isinstance(model, TCN) else x.shape[1])
    return model, x, torch.randint(classes, shape), cross_entropy, torch.optim.Adam, dict(lr=1e-3)


def workload(name):
    """As torch_models.workload, of both files' models."""
    if name == "vgg":
        return images(vgg(), 16, 3, 48, 20)
    if name == "resnet48":
        return images(resnet([unit(3, 48, 3), nn.ReLU()], [48, 96, 192], 2, 40), 16, 3, 45, 40)
    if name == "mobilenetv2":
        return images(mobilenetv2(100), 8, 3, 128, 100)
    if name == "tcn":
        return sequences(TCN(), torch.rand(16, 40, 250), 30)
    if name == "gru3":
        return sequences(Recurrent(nn.GRU(72, 192, 3, batch_first=True), 192, 50), torch.rand(24, 50, 72), 50)
    if name == "bilstm":
        layer = nn.LSTM(100, 160, batch_first=True, bidirectional=True)
        return sequences(Recurrent(layer, 320, 40), torch.rand(16, 80, 100), 40)
    if name == "gpt40":
        return text(GPT(256, 120, 4, 3, 192), 128, 12, 192)
    return torch_models.workload(name)
