# SPDX-License-Identifier: Apache-2.0
"""The models of bench/models in PyTorch, with the same layers, batches, losses and optimizers."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch_block import Block

NAMES = ["mlp", "tiny", "cnn", "gpt", "lstm", "resnet20", "resnet18", "mobilenetv1", "gpt2"]


class GPT(nn.Module):
    def __init__(self, vocab=256, width=384, layers=6, heads=6, length=256):
        super().__init__()
        self.wte = nn.Parameter(0.02 * torch.randn(vocab, width))
        self.wpe = nn.Parameter(0.02 * torch.randn(length, width))
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tok):
        h = self.blocks(F.embedding(tok, self.wte) + self.wpe[: tok.shape[1]])
        return F.linear(self.norm(h), self.wte)


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(128, 256, 2, batch_first=True), nn.Linear(256, 128)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


def unit(inner, out, k, stride=1, groups=1):
    """A convolution without bias, and batch norm."""
    return nn.Sequential(nn.Conv2d(inner, out, k, stride, k // 2, groups=groups, bias=False), nn.BatchNorm2d(out))


class Residual(nn.Module):
    def __init__(self, inner, out, stride):
        super().__init__()
        self.first, self.second = unit(inner, out, 3, stride), unit(out, out, 3)
        self.short = nn.Identity() if stride == 1 and inner == out else unit(inner, out, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.short(x))


def resnet(stem, widths, blocks, classes):
    layers, inner = list(stem), widths[0]
    for out in widths:
        for b in range(blocks):
            layers.append(Residual(inner, out, 2 if b == 0 and out != widths[0] else 1))
            inner = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, classes))


def mobilenet(classes):
    layers, inner = [unit(3, 32, 3, 2), nn.ReLU()], 32
    sizes = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for out, stride in sizes:
        layers += [unit(inner, inner, 3, stride, inner), nn.ReLU(), unit(inner, out, 1), nn.ReLU()]
        inner = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inner, classes))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def cross_entropy(z, y):
    return F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


def images(model, batch, channels, size, classes, lr=1e-2):
    x = torch.rand(batch, channels, size, size).to(memory_format=torch.channels_last)
    y = torch.randint(classes, (batch,))
    sgd = dict(lr=lr, momentum=0.9)
    return model.to(memory_format=torch.channels_last), x, y, cross_entropy, torch.optim.SGD, sgd


def text(model, vocab, batch, length):
    adamw = dict(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)
    x, y = torch.randint(vocab, (batch, length)), torch.randint(vocab, (batch, length))
    return model, x, y, cross_entropy, torch.optim.AdamW, adamw


def workload(name):
    """Returns model, input, target, loss, optimizer class, its arguments."""
    if name == "mlp":
        m = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        return m, torch.rand(128, 784), torch.randint(10, (128,)), cross_entropy, torch.optim.Adam, dict(lr=1e-3)
    if name == "tiny":
        m = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        return m, torch.rand(4, 2), torch.rand(4, 1), F.mse_loss, torch.optim.SGD, dict(lr=1e-2)
    if name == "cnn":
        return images(cnn(), 64, 1, 28, 10)
    if name == "resnet20":
        return images(resnet([unit(3, 16, 3), nn.ReLU()], [16, 32, 64], 3, 10), 64, 3, 32, 10, lr=1e-1)
    if name == "resnet18":
        stem = [unit(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        return images(resnet(stem, [64, 128, 256, 512], 2, 1000), 8, 3, 224, 1000)
    if name == "mobilenetv1":
        return images(mobilenet(1000), 8, 3, 224, 1000)
    if name == "gpt":
        return text(GPT(), 128, 8, 256)
    if name == "gpt2":
        return text(GPT(50257, 768, 12, 12, 1024), 50257, 4, 64)
    x, y = torch.rand(32, 64, 128), torch.randint(128, (32, 64))
    return CharLSTM(), x, y, cross_entropy, torch.optim.Adam, dict(lr=1e-3)
