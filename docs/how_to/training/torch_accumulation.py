import torch

import simgeo.torch

torch.manual_seed(0)
inputs = torch.randn(512, 32)
teacher = torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.Tanh())
student = torch.nn.Sequential(torch.nn.Linear(32, 16), torch.nn.Tanh())
optimiser = torch.optim.Adam(student.parameters(), lr=3e-3)
batches = torch.utils.data.DataLoader(inputs, 256, shuffle=True, drop_last=True)
losses = []
for _ in range(20):
    for batch in batches:
        parts = batch.split(64)  # as many rows as the student's memory allows
        with torch.no_grad():
            target = torch.cat([teacher(part) for part in parts])
            features = torch.cat([student(part) for part in parts])
        features.requires_grad_()
        loss = simgeo.torch.cka(features, target)  # of all rows
        loss.backward()
        optimiser.zero_grad()
        for part, slope in zip(parts, features.grad.split(64), strict=True):
            student(part).backward(slope)
        optimiser.step()
        losses.append(loss.item())
