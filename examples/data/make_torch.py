# SPDX-License-Identifier: Apache-2.0
"""Writes digits_torch.onnx, a network that PyTorch trained on digits.csv.gz.

Made with torch 2.15.0 and onnx 1.23.2 (pip install torch onnx numpy).
"""
import gzip

import numpy as np
import torch

torch.manual_seed(0)
with gzip.open("digits.csv.gz", "rt", encoding="ascii") as f:
    table = np.loadtxt(f, delimiter=",", skiprows=1, dtype=np.float32)
x, y = torch.tensor(table[:, :64] / 16), torch.tensor(table[:, 64], dtype=torch.long)

net = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for step in range(200):
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(net(x[:1500]), y[:1500])
    loss.backward()
    optimizer.step()
print("accuracy on the last 297:", (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item())

net.eval()
torch.onnx.export(net, x[:1], "digits_torch.onnx", input_names=["pixels"], output_names=["logits"],
                  dynamic_axes={"pixels": {0: "batch"}, "logits": {0: "batch"}}, dynamo=False)
